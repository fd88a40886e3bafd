"""The mail that opened a ticket

Revision ID: 0014
Revises: 0013
Create Date: 2026-11-22 09:25:00

"""
from alembic import op
import sqlalchemy as sa


# revision identifiers, used by Alembic.
revision = '0014'
down_revision = '0013'
branch_labels = None
depends_on = None


def upgrade():
    op.add_column('tickets', sa.Column('mail_id', sa.String(length=250), nullable=False, server_default=''))


def downgrade():
    op.drop_column('tickets', 'mail_id')
