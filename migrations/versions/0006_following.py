"""Following

Revision ID: 0006
Revises: 0005
Create Date: 2026-11-22 05:10:00

"""
from alembic import op
import sqlalchemy as sa

import tracker


# revision identifiers, used by Alembic.
revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None


def upgrade():
    op.create_table('subscriptions',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('sid', sa.String(length=12), nullable=False),
    sa.Column('channel', sa.String(length=20), nullable=False),
    sa.Column('target', sa.String(length=500), nullable=False),
    sa.Column('ticket_id', sa.Integer(), nullable=True),
    sa.Column('desk_id', sa.Integer(), nullable=True),
    sa.Column('role', sa.String(length=8), nullable=False),
    sa.Column('frequency', sa.String(length=8), nullable=False),
    sa.Column('language', sa.String(length=12), nullable=False),
    sa.Column('zone', sa.String(length=64), nullable=False),
    sa.Column('made_by_id', sa.Integer(), nullable=True),
    sa.Column('turn', sa.Integer(), nullable=False),
    sa.Column('created_at', tracker.store.Moment(timezone=True), nullable=False),
    sa.Column('confirmed_at', tracker.store.Moment(timezone=True), nullable=True),
    sa.Column('ended_at', tracker.store.Moment(timezone=True), nullable=True),
    sa.Column('ended_why', sa.String(length=80), nullable=False),
    sa.Column('failures', sa.Integer(), nullable=False),
    sa.Column('failing_since', tracker.store.Moment(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['desk_id'], ['desks.id'], name=op.f('fk_subscriptions_desk_id_desks')),
    sa.ForeignKeyConstraint(['made_by_id'], ['people.id'], name=op.f('fk_subscriptions_made_by_id_people')),
    sa.ForeignKeyConstraint(['ticket_id'], ['tickets.id'], name=op.f('fk_subscriptions_ticket_id_tickets')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_subscriptions')),
    sa.UniqueConstraint('sid', name=op.f('uq_subscriptions_sid')),
    sa.UniqueConstraint('ticket_id', 'channel', 'target', name=op.f('uq_subscriptions_ticket_id_channel_target'))
    )
    with op.batch_alter_table('subscriptions', schema=None) as batch_op:
        batch_op.create_index('ix_subscriptions_desk', ['desk_id', 'id'], unique=False)
        batch_op.create_index('ix_subscriptions_target', ['target', 'created_at'], unique=False)
        batch_op.create_index('ix_subscriptions_ticket', ['ticket_id', 'channel', 'id'], unique=False)
        batch_op.create_index('ix_subscriptions_unconfirmed', ['confirmed_at', 'created_at'], unique=False)

    with op.batch_alter_table('news', schema=None) as batch_op:
        batch_op.add_column(sa.Column('subscription_id', sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column('expanded_upto', sa.Integer(), nullable=False, server_default='0'))
        batch_op.create_foreign_key(
            batch_op.f('fk_news_subscription_id_subscriptions'), 'subscriptions', ['subscription_id'], ['id'])

    with op.batch_alter_table('deliveries', schema=None) as batch_op:
        batch_op.add_column(sa.Column('ticket_id', sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column('subscription_id', sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column('from_seq', sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column('upto_seq', sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column('bulk', sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.create_foreign_key(
            batch_op.f('fk_deliveries_subscription_id_subscriptions'), 'subscriptions', ['subscription_id'], ['id'])
        batch_op.create_foreign_key(batch_op.f('fk_deliveries_ticket_id_tickets'), 'tickets', ['ticket_id'], ['id'])
        batch_op.drop_index('ix_deliveries_due')
        batch_op.create_index('ix_deliveries_due', ['state', 'channel', 'bulk', 'next_at'], unique=False)
        batch_op.create_index('ix_deliveries_subscription', ['subscription_id', 'id'], unique=False)
        batch_op.create_index('ix_deliveries_ticket', ['ticket_id', 'state'], unique=False)


def downgrade():
    with op.batch_alter_table('deliveries', schema=None) as batch_op:
        batch_op.drop_index('ix_deliveries_ticket')
        batch_op.drop_index('ix_deliveries_subscription')
        batch_op.drop_index('ix_deliveries_due')
        batch_op.create_index('ix_deliveries_due', ['state', 'next_at'], unique=False)
        batch_op.drop_constraint(batch_op.f('fk_deliveries_ticket_id_tickets'), type_='foreignkey')
        batch_op.drop_constraint(batch_op.f('fk_deliveries_subscription_id_subscriptions'), type_='foreignkey')
        for name in ('bulk', 'upto_seq', 'from_seq', 'subscription_id', 'ticket_id'):
            batch_op.drop_column(name)

    with op.batch_alter_table('news', schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f('fk_news_subscription_id_subscriptions'), type_='foreignkey')
        batch_op.drop_column('expanded_upto')
        batch_op.drop_column('subscription_id')

    op.drop_table('subscriptions')
