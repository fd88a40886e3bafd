"""Ended sessions

Revision ID: 0002
Revises: 0001
Create Date: 2026-11-22 02:50:00

"""
from alembic import op
import sqlalchemy as sa

import tracker


# revision identifiers, used by Alembic.
revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None


def upgrade():
    op.create_table('ended_sessions',
    sa.Column('fingerprint', sa.String(length=64), nullable=False),
    sa.Column('ends_at', tracker.store.Moment(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('fingerprint', name=op.f('pk_ended_sessions'))
    )
    with op.batch_alter_table('ended_sessions', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_ended_sessions_ends_at'), ['ends_at'], unique=False)


def downgrade():
    op.drop_table('ended_sessions')
