"""A WebSocket server: echoes text and bytes, and breaks the connection when it is told to."""

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator

import wsproto
from wsproto.events import AcceptConnection, BytesMessage, CloseConnection, Ping, Request, TextMessage


@contextlib.contextmanager
def run_websockets() -> Iterator[str]:
    """Run the server and yield its URL."""
    listening = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=_serve, args=[listening])
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join()


def _serve(listening: socket.socket) -> None:
    conversations = []
    while True:
        try:
            accepted, _ = listening.accept()
        except OSError:
            break
        conversations.append(threading.Thread(target=_converse, args=[accepted]))
        conversations[-1].start()
    for conversation in conversations:
        conversation.join()


def _converse(accepted: socket.socket) -> None:
    connection = wsproto.WSConnection(wsproto.ConnectionType.SERVER)
    # A client that has said goodbye need not wait for ours.
    with accepted, contextlib.suppress(ConnectionError):
        while data := accepted.recv(65536):
            connection.receive_data(data)
            for event in connection.events():
                match event:
                    case Request():
                        accepted.sendall(connection.send(AcceptConnection()))
                    case Ping() | CloseConnection():
                        accepted.sendall(connection.send(event.response()))
                    case TextMessage(data="break"):
                        # Closing without lingering resets the connection: the peer's next read fails.
                        accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                        return
                    case TextMessage() | BytesMessage():
                        accepted.sendall(connection.send(event))
