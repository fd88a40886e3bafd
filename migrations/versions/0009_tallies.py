"""Tallies

Revision ID: 0009
Revises: 0008
Create Date: 2026-11-22 05:40:00

"""
from alembic import op
import sqlalchemy as sa


# revision identifiers, used by Alembic.
revision = '0009'
down_revision = '0008'
branch_labels = None
depends_on = None


def upgrade():
    op.create_table('tallies',
    sa.Column('owner', sa.String(length=6), nullable=False),
    sa.Column('owner_id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('month', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('measure', sa.String(length=12), nullable=False),
    sa.Column('bucket', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('n', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('owner', 'owner_id', 'month', 'measure', 'bucket', name=op.f('pk_tallies'))
    )
    op.create_table('tally_marks',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('owner', sa.String(length=6), nullable=False),
    sa.Column('owner_id', sa.Integer(), nullable=False),
    sa.Column('month', sa.Integer(), nullable=False),
    sa.Column('measure', sa.String(length=12), nullable=False),
    sa.Column('bucket', sa.Integer(), nullable=False),
    sa.Column('n', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_tally_marks'))
    )
    with op.batch_alter_table('tally_marks', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_tally_marks_owner'), ['owner', 'owner_id'], unique=False)


def downgrade():
    op.drop_table('tally_marks')
    op.drop_table('tallies')
