"""Personal data that readers do not see

Revision ID: 0008
Revises: 0007
Create Date: 2026-11-22 05:30:00

"""
from alembic import op
import sqlalchemy as sa


# revision identifiers, used by Alembic.
revision = '0008'
down_revision = '0007'
branch_labels = None
depends_on = None


def upgrade():
    op.add_column('events', sa.Column('original', sa.JSON(), nullable=True))
    op.add_column('events', sa.Column('shown_because', sa.String(length=500), nullable=False, server_default=''))
    op.add_column('tickets', sa.Column('original', sa.JSON(), nullable=True))


def downgrade():
    op.drop_column('tickets', 'original')
    op.drop_column('events', 'shown_because')
    op.drop_column('events', 'original')
