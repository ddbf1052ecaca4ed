"""Where OpenCode's events come from beside the wire: the plugin, a server, its database, its exports.

Each reader yields items of the forms that `POST /v1/opencode/events` takes, so that one intake sees them all
and the same session gives the same spans whichever way it came.
"""
