"""Sites as browsers spell them: without the port that goes without saying

Revision ID: 0016
Revises: 0015
Create Date: 2026-11-22 12:00:00

"""
import re

from alembic import op
import sqlalchemy as sa


# revision identifiers, used by Alembic.
revision = '0016'
down_revision = '0015'
branch_labels = None
depends_on = None

EMBEDS = sa.table('embeds', sa.column('id', sa.Integer), sa.column('sites', sa.JSON))
UNSAID = re.compile(r'^(https://[^:]+):443$|^(http://[^:]+):80$')


def upgrade():
    bind = op.get_bind()
    for number, sites in bind.execute(sa.select(EMBEDS.c.id, EMBEDS.c.sites)).all():
        spelled = list(dict.fromkeys(UNSAID.sub(r'\1\2', one) for one in sites))
        if spelled != sites:
            bind.execute(sa.update(EMBEDS).where(EMBEDS.c.id == number).values(sites=spelled))


def downgrade():
    pass
