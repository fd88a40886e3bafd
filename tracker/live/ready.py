"""A room as a ready list of descriptors: one frame goes down it as fast as the kernel takes it."""

from typing import TYPE_CHECKING

from tracker.live.kernel import send_to_all

if TYPE_CHECKING:
    from tracker.live.peers import Peer


class Room:
    """Who is told, on the loop's thread. Whoever is behind leaves the ready list until all is taken."""

    __slots__ = ("_at", "_behind", "_fds", "_peers")

    def __init__(self) -> None:
        self._peers: list[Peer] = []
        self._fds: list[int] = []
        self._at: dict[Peer, int] = {}
        self._behind: set[Peer] = set()

    def __len__(self) -> int:
        return len(self._peers) + len(self._behind)

    def __contains__(self, peer: "Peer") -> bool:
        return peer in self._at or peer in self._behind

    def peers(self) -> "list[Peer]":
        """Return everybody in the room."""
        return [*self._peers, *self._behind]

    def add(self, peer: "Peer") -> None:
        if peer in self:
            return
        if peer.held is not None:
            self._behind.add(peer)
            return
        self._at[peer] = len(self._peers)
        self._peers.append(peer)
        self._fds.append(peer.fd)

    def remove(self, peer: "Peer") -> None:
        self._behind.discard(peer)
        self._unready(peer)

    def slowed(self, peer: "Peer") -> None:
        """Take a peer off the ready list; it is told through its own buffer."""
        if self._unready(peer):
            self._behind.add(peer)

    def caught_up(self, peer: "Peer") -> None:
        """Put a peer back on the ready list."""
        if peer in self._behind:
            self._behind.discard(peer)
            self.add(peer)

    def tell(self, told: bytes) -> None:
        """Send the same bytes to everybody."""
        size, took = len(told), send_to_all(self._fds, told)
        troubled = []
        if took.count(size) != len(took):
            troubled = [(self._peers[at], sent) for at, sent in enumerate(took) if sent != size]
        for peer in list(self._behind):
            peer.write(told)
        for peer, sent in troubled:
            if sent < 0:
                peer.write(told)  # nothing was taken: its socket says why
            else:
                peer.hold(told[sent:])

    def _unready(self, peer: "Peer") -> bool:
        at = self._at.pop(peer, None)
        if at is None:
            return False
        last, fd = self._peers.pop(), self._fds.pop()
        if last is not peer:
            self._peers[at], self._fds[at] = last, fd
            self._at[last] = at
        return True
