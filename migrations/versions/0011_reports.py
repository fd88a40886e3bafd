"""Reports of what should not be public

Revision ID: 0011
Revises: 0010
Create Date: 2026-11-22 06:00:00

"""
from alembic import op
import sqlalchemy as sa

import tracker


# revision identifiers, used by Alembic.
revision = '0011'
down_revision = '0010'
branch_labels = None
depends_on = None


def upgrade():
    op.create_table('reports',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('key', sa.String(length=12), nullable=False),
    sa.Column('ticket_id', sa.Integer(), nullable=False),
    sa.Column('seq', sa.Integer(), nullable=True),
    sa.Column('reason', sa.String(length=500), nullable=False),
    sa.Column('created_at', tracker.store.Moment(timezone=True), nullable=False),
    sa.Column('decided_at', tracker.store.Moment(timezone=True), nullable=True),
    sa.Column('decided_by_id', sa.Integer(), nullable=True),
    sa.Column('decision', sa.String(length=9), nullable=False),
    sa.Column('decided_because', sa.String(length=500), nullable=False),
    sa.ForeignKeyConstraint(['decided_by_id'], ['people.id'], name=op.f('fk_reports_decided_by_id_people')),
    sa.ForeignKeyConstraint(['ticket_id'], ['tickets.id'], name=op.f('fk_reports_ticket_id_tickets')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_reports')),
    sa.UniqueConstraint('key', name=op.f('uq_reports_key'))
    )
    op.create_index('ix_reports_ticket', 'reports', ['ticket_id'], unique=False)
    op.create_index('ix_reports_waiting', 'reports', ['decided_at', 'ticket_id'], unique=False)


def downgrade():
    op.drop_table('reports')
