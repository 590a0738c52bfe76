"""The WebSocket module: server, client, entrances."""
