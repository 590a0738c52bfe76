import pytest
async def test_it(open_entrance, kind):
    entrance = await open_entrance("standalone")
    peer = await entrance.join()
    (c,) = entrance.server.clients
    peer.vanish()
    await entrance.until(lambda: not entrance.server.clients)
    entrance.server._channel._clients.add(c)
