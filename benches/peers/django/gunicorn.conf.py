"""How gunicorn serves the peer; README.md says how this was chosen."""

import gc
import os

wsgi_app = "peer.wsgi"
bind = f"127.0.0.1:{os.environ['PEER_PORT']}"
worker_class = os.environ.get("PEER_WORKER_CLASS", "gthread")
workers = int(os.environ.get("PEER_WORKERS", "2"))
threads = int(os.environ.get("PEER_THREADS", "4"))
keepalive = 30
preload_app = True
loglevel = "warning"
control_socket_disable = True


def when_ready(server):
    """What is loaded by now is shared by the workers and never looked at by their garbage collectors."""
    gc.collect()
    gc.freeze()
    print("ready", flush=True)
