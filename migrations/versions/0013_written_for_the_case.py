"""Words written for the case, counted; an index for what somebody said lately

Revision ID: 0013
Revises: 0012
Create Date: 2026-11-22 09:10:00

"""
from alembic import op


# revision identifiers, used by Alembic.
revision = '0013'
down_revision = '0012'
branch_labels = None
depends_on = None

COUNTED = 'select month from tallies union all select month from tally_marks limit 1'
COUNT = """
insert into tallies (owner, owner_id, month, measure, bucket, n)
select '{owner}', {owner_id}, {month}, 'words', {standard}, count(*)
from events join people on people.id = events.actor_id
where events.kind in ('update', 'waiting', 'resolved', 'declined')
group by 1, 2, 3, 4, 5
"""
SPELLED = {
    'sqlite': {
        'month': "cast(strftime('%Y%m', events.at) as integer)",
        'standard': "coalesce(json_extract(events.payload, '$.standard'), 0)",
    },
    'postgresql': {
        'month': "cast(to_char(events.at at time zone 'UTC', 'YYYYMM') as integer)",
        'standard': "cast(coalesce(cast(events.payload ->> 'standard' as boolean), false) as integer)",
    },
}


def upgrade():
    op.drop_index('ix_events_actor', table_name='events')
    op.create_index('ix_events_actor', 'events', ['actor_id', 'recorded_at'], unique=False)
    if not op.get_bind().exec_driver_sql(COUNTED).first():
        return  # from before there were counts: all of them are still to be made (flask tracker init)
    for owner, owner_id in (('person', 'people.id'), ('desk', 'people.desk_id')):
        op.execute(COUNT.format(owner=owner, owner_id=owner_id, **SPELLED[op.get_bind().dialect.name]))


def downgrade():
    for table in ('tallies', 'tally_marks'):
        op.execute(f"delete from {table} where measure = 'words'")
    op.drop_index('ix_events_actor', table_name='events')
    op.create_index('ix_events_actor', 'events', ['actor_id', 'id'], unique=False)
