"""Views by day, for those that are forgotten

Revision ID: 0012
Revises: 0011
Create Date: 2026-11-22 08:15:00

"""
from alembic import op


# revision identifiers, used by Alembic.
revision = '0012'
down_revision = '0011'
branch_labels = None
depends_on = None


def upgrade():
    op.create_index('ix_sightings_on_day', 'sightings', ['on_day'], unique=False)


def downgrade():
    op.drop_index('ix_sightings_on_day', table_name='sightings')
