"""Walls, and where embeds are seen

Revision ID: 0003
Revises: 0002
Create Date: 2026-11-22 05:00:00

"""
from alembic import op
import sqlalchemy as sa


# revision identifiers, used by Alembic.
revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None


def upgrade():
    op.add_column('embeds', sa.Column('title', sa.String(length=80), nullable=False, server_default=''))
    op.create_table('embed_picks',
    sa.Column('embed_id', sa.Integer(), nullable=False),
    sa.Column('ticket_id', sa.Integer(), nullable=False),
    sa.Column('place', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['embed_id'], ['embeds.id'], name=op.f('fk_embed_picks_embed_id_embeds')),
    sa.ForeignKeyConstraint(['ticket_id'], ['tickets.id'], name=op.f('fk_embed_picks_ticket_id_tickets')),
    sa.PrimaryKeyConstraint('embed_id', 'ticket_id', name=op.f('pk_embed_picks'))
    )
    with op.batch_alter_table('embed_picks', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_embed_picks_ticket_id'), ['ticket_id'], unique=False)

    op.create_table('sightings',
    sa.Column('embed_id', sa.Integer(), nullable=False),
    sa.Column('on_day', sa.Date(), nullable=False),
    sa.Column('site', sa.String(length=100), nullable=False),
    sa.Column('way', sa.String(length=6), nullable=False),
    sa.Column('views', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['embed_id'], ['embeds.id'], name=op.f('fk_sightings_embed_id_embeds')),
    sa.PrimaryKeyConstraint('embed_id', 'on_day', 'site', 'way', name=op.f('pk_sightings'))
    )


def downgrade():
    op.drop_table('sightings')
    op.drop_table('embed_picks')
    with op.batch_alter_table('embeds', schema=None) as batch_op:
        batch_op.drop_column('title')
