"""Drafts, helpers, who shows that they write, reminders of handoffs

Revision ID: 0004
Revises: 0003
Create Date: 2026-11-22 05:00:00

"""
from alembic import op
import sqlalchemy as sa

import tracker


# revision identifiers, used by Alembic.
revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None


def upgrade():
    op.create_table('drafts',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('ticket_id', sa.Integer(), nullable=False),
    sa.Column('person_id', sa.Integer(), nullable=False),
    sa.Column('text', sa.Text(), nullable=False),
    sa.Column('next', sa.String(length=40), nullable=False),
    sa.Column('next_word_at', sa.String(length=40), nullable=False),
    sa.Column('kept_at', tracker.store.Moment(timezone=True), nullable=False),
    sa.Column('seen_at', tracker.store.Moment(timezone=True), nullable=False),
    sa.Column('wrote_at', tracker.store.Moment(timezone=True), nullable=True),
    sa.Column('told_at', tracker.store.Moment(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['person_id'], ['people.id'], name=op.f('fk_drafts_person_id_people')),
    sa.ForeignKeyConstraint(['ticket_id'], ['tickets.id'], name=op.f('fk_drafts_ticket_id_tickets')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_drafts')),
    sa.UniqueConstraint('ticket_id', 'person_id', name=op.f('uq_drafts_ticket_id_person_id'))
    )
    op.create_index(op.f('ix_drafts_person_id'), 'drafts', ['person_id'], unique=False)
    op.create_index(op.f('ix_drafts_seen_at'), 'drafts', ['seen_at'], unique=False)
    op.create_table('helpers',
    sa.Column('ticket_id', sa.Integer(), nullable=False),
    sa.Column('person_id', sa.Integer(), nullable=False),
    sa.Column('since_at', tracker.store.Moment(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['person_id'], ['people.id'], name=op.f('fk_helpers_person_id_people')),
    sa.ForeignKeyConstraint(['ticket_id'], ['tickets.id'], name=op.f('fk_helpers_ticket_id_tickets')),
    sa.PrimaryKeyConstraint('ticket_id', 'person_id', name=op.f('pk_helpers'))
    )
    op.create_index(op.f('ix_helpers_person_id'), 'helpers', ['person_id'], unique=False)
    op.create_index('ix_events_actor', 'events', ['actor_id', 'id'], unique=False)
    op.add_column('people', sa.Column('shows_writing', sa.Boolean(), server_default=sa.true(), nullable=False))
    op.add_column('handoffs', sa.Column('reminded_at', tracker.store.Moment(timezone=True), nullable=True))


def downgrade():
    with op.batch_alter_table('handoffs', schema=None) as batch_op:
        batch_op.drop_column('reminded_at')
    with op.batch_alter_table('people', schema=None) as batch_op:
        batch_op.drop_column('shows_writing')
    op.drop_index('ix_events_actor', table_name='events')
    op.drop_table('helpers')
    op.drop_table('drafts')
