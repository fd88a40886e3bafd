"""Readers who wait too

Revision ID: 0005
Revises: 0004
Create Date: 2026-11-22 05:20:00

"""
from alembic import op
import sqlalchemy as sa

import tracker


# revision identifiers, used by Alembic.
revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None


def upgrade():
    op.add_column('tickets', sa.Column('waiting_too', sa.Integer(), nullable=False, server_default='0'))
    op.create_table('waiters',
    sa.Column('ticket_id', sa.Integer(), nullable=False),
    sa.Column('browser', sa.String(length=64), nullable=False),
    sa.Column('since', tracker.store.Moment(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['ticket_id'], ['tickets.id'], name=op.f('fk_waiters_ticket_id_tickets')),
    sa.PrimaryKeyConstraint('ticket_id', 'browser', name=op.f('pk_waiters'))
    )


def downgrade():
    op.drop_table('waiters')
    op.drop_column('tickets', 'waiting_too')
