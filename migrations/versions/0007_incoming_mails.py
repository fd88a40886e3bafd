"""Incoming mails

Revision ID: 0007
Revises: 0006
Create Date: 2026-11-22 05:10:00

"""
from alembic import op
import sqlalchemy as sa

import tracker


# revision identifiers, used by Alembic.
revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None


def upgrade():
    op.create_table('incoming_mails',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('fingerprint', sa.String(length=64), nullable=False),
    sa.Column('received_at', tracker.store.Moment(timezone=True), nullable=False),
    sa.Column('state', sa.String(length=8), nullable=False),
    sa.Column('reason', sa.String(length=300), nullable=False),
    sa.Column('ticket_id', sa.Integer(), nullable=True),
    sa.Column('sender', sa.String(length=254), nullable=False),
    sa.Column('recipient', sa.String(length=254), nullable=False),
    sa.Column('source', sa.LargeBinary(), nullable=True),
    sa.ForeignKeyConstraint(['ticket_id'], ['tickets.id'], name=op.f('fk_incoming_mails_ticket_id_tickets')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_incoming_mails')),
    sa.UniqueConstraint('fingerprint', name=op.f('uq_incoming_mails_fingerprint'))
    )
    with op.batch_alter_table('incoming_mails', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_incoming_mails_state'), ['state', 'received_at'], unique=False)


def downgrade():
    op.drop_table('incoming_mails')
