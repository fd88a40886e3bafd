"""What waits for an address at one pace, found together

Revision ID: 0015
Revises: 0014
Create Date: 2026-11-22 11:55:00

"""
from alembic import op
import sqlalchemy as sa


# revision identifiers, used by Alembic.
revision = '0015'
down_revision = '0014'
branch_labels = None
depends_on = None

GATHERED = "digest != ''"
ALREADY = """
update deliveries set digest = (select frequency from subscriptions where id = subscription_id)
where state = 'waiting' and channel = 'email' and upto_seq is not null
and subscription_id in (select id from subscriptions where frequency in ('hourly', 'daily'))
"""


def upgrade():
    op.add_column('deliveries', sa.Column('digest', sa.String(length=8), nullable=False, server_default=''))
    op.execute(ALREADY)
    only = {'sqlite_where': sa.text(GATHERED), 'postgresql_where': sa.text(GATHERED)}
    op.create_index('ix_deliveries_digest', 'deliveries', ['state', 'channel', 'address', 'digest'], unique=False, **only)


def downgrade():
    op.drop_index('ix_deliveries_digest', table_name='deliveries')
    op.drop_column('deliveries', 'digest')
