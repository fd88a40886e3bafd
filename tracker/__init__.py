"""The domain of Nameplate: tickets, their people, promises and timelines.

Layers, each knowing only those before it: errors, settings, richtext, links, clock ← store ← models ← kinds, outbox,
limits ← timeline, people, desks, files, permissions ← disclosure, following ← present ← tickets, promises, handoffs,
browse, statistics, viewer ← the doors (live, channels, pages, cli, and beside this package api and widgets) ← wsgi.
The words are those of docs/map.md.
"""
