"""A real S3 server on a loopback port: OpenStack Swift with its S3 interface, one node, in one process.

It is other people's code, and it holds a client to the protocol: it verifies AWS Signature Version 4 and the hashes of what is
sent, and knows ranges, multipart uploads, listings (V2), deletion in bulk and quotas.

Usage: s3-server.py FOLDER --bucket NAME[:QUOTA] [--bucket …] [--port N] [--key ID:SECRET]
Prints one line, the URL, when it is ready. Ends when its stdin closes.
"""

import argparse
import array
import os
import sys

import eventlet

eventlet.monkey_patch()

from eventlet import wsgi  # noqa: E402
from swift.common import ring, storage_policy, utils  # noqa: E402
from swift.common.swob import Request  # noqa: E402
from swift.common.wsgi import loadapp  # noqa: E402

PROXY = """
[DEFAULT]
swift_dir = {folder}
bind_port = 0
[pipeline:main]
pipeline = catch_errors gatekeeper listing_formats s3api tempauth copy container-quotas slo dlo proxy-server
[app:proxy-server]
use = egg:swift#proxy
allow_account_management = true
account_autocreate = true
conn_timeout = 10
node_timeout = 20
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:gatekeeper]
use = egg:swift#gatekeeper
[filter:listing_formats]
use = egg:swift#listing_formats
[filter:s3api]
use = egg:swift#s3api
location = us-east-1
min_segment_size = 5242880
[filter:tempauth]
use = egg:swift#tempauth
user_{account}_{user} = {secret} .admin
[filter:copy]
use = egg:swift#copy
[filter:container-quotas]
use = egg:swift#container_quotas
[filter:slo]
use = egg:swift#slo
[filter:dlo]
use = egg:swift#dlo
"""


class Cache:
    """In place of memcached: what the parts tell each other."""

    def __init__(self, app):
        self.app = app
        self.values = {}

    def __call__(self, environ, start_response):
        environ["swift.cache"] = self
        return self.app(environ, start_response)

    def get(self, key, *_args, **_options):
        return self.values.get(key)

    def set(self, key, value, *_args, **_options):
        self.values[key] = value

    def incr(self, key, delta=1, **_options):
        self.values[key] = self.values.get(key, 0) + delta
        return self.values[key]

    def delete(self, key, *_args, **_options):
        self.values.pop(key, None)


def write(path: str, text: str) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def serve(listener, app) -> None:
    eventlet.spawn(wsgi.server, listener, app, log=None, log_output=False, capitalize_response_headers=False)


def listen(port: int = 0):
    return eventlet.listen(("127.0.0.1", port))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--bucket", action="append", default=[])
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--key", default="test:tester:secret")
    options = parser.parse_args()
    account, user, secret = options.key.split(":")

    folder = os.path.abspath(options.folder)
    devices = os.path.join(folder, "devices")
    os.makedirs(os.path.join(devices, "disk"), exist_ok=True)
    write(os.path.join(folder, "swift.conf"), "[swift-hash]\nswift_hash_path_suffix = test\n[storage-policy:0]\nname = only\ndefault = yes\n")
    utils.SWIFT_CONF_FILE = os.path.join(folder, "swift.conf")
    utils.validate_hash_conf()
    storage_policy.reload_storage_policies()

    from swift.account.server import AccountController
    from swift.container.server import ContainerController
    from swift.obj.server import ObjectController

    conf = {"devices": devices, "swift_dir": folder, "mount_check": "false", "fallocate_reserve": "0", "disable_fallocate": "true"}
    for name, controller in (("account", AccountController), ("container", ContainerController), ("object", ObjectController)):
        listener = listen()
        device = {"id": 0, "zone": 0, "region": 1, "device": "disk", "ip": "127.0.0.1", "port": listener.getsockname()[1], "weight": 1}
        device.update({"replication_ip": "127.0.0.1", "replication_port": device["port"], "meta": ""})
        ring.RingData([array.array("H", [0] * 4)], [device], 30).save(os.path.join(folder, name + ".ring.gz"))
        serve(listener, controller(dict(conf), utils.get_logger({"log_level": "CRITICAL"}, name)))

    path = os.path.join(folder, "proxy.conf")
    write(path, PROXY.format(folder=folder, account=account, user=user, secret=secret))
    app = Cache(loadapp(path, global_conf={"log_level": "CRITICAL", "swift_dir": folder}))
    proxy = listen(options.port)
    serve(proxy, app)

    for bucket in options.bucket:
        name, _, quota = bucket.partition(":")
        headers = {"X-Container-Meta-Quota-Bytes": quota} if quota else {}
        request = Request.blank(f"/v1/AUTH_{account}/{name}", method="PUT", headers=headers)
        request.environ["swift.authorize_override"] = True
        request.environ["swift.authorize"] = lambda _request: None
        request.environ["reseller_request"] = True
        response = request.get_response(app)
        if response.status_int >= 300:
            sys.exit(f"bucket {name}: {response.status}")

    print(f"http://127.0.0.1:{proxy.getsockname()[1]}", flush=True)
    eventlet.tpool.execute(sys.stdin.buffer.read)
    os._exit(0)


main()
