"""A real RTSP server (GStreamer's) on a loopback port: one file, in real time, to any number of clients.

Usage: rtsp-server.py FILE [--user NAME --password WORD] [--port N] [--media video|audio|both]
                     [--codec h264|h265] [--audio file|aac|pcmu|pcma|opus]
Sound is the file's AAC, or a generated tone.
Prints one line, the URL, when it is ready. Ends when its stdin closes.
"""

import argparse
import sys
import threading

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

VIDEO = "d.video_0 ! queue ! {codec}parse ! rtp{codec}pay name=pay0 pt=96 config-interval=-1"
TONE = "audiotestsrc is-live=true volume=0.05 ! audioconvert ! audioresample ! "
AUDIO = {
    "file": "d.audio_0 ! queue ! aacparse ! rtpmp4gpay name={pay} pt=97",
    "aac": TONE + "voaacenc ! aacparse ! rtpmp4gpay name={pay} pt=97",
    "pcmu": TONE + "audio/x-raw,rate=8000,channels=1 ! mulawenc ! rtppcmupay name={pay}",
    "pcma": TONE + "audio/x-raw,rate=8000,channels=1 ! alawenc ! rtppcmapay name={pay}",
    "opus": TONE + "opusenc ! rtpopuspay name={pay} pt=97",
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("file")
    parser.add_argument("--user")
    parser.add_argument("--password")
    parser.add_argument("--port", default="0")
    parser.add_argument("--media", choices=["video", "audio", "both"], default="video")
    parser.add_argument("--codec", choices=["h264", "h265"], default="h264")
    parser.add_argument("--audio", choices=list(AUDIO), default="file")
    options = parser.parse_args()

    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(options.port)

    parts = []
    if options.media != "audio" or options.audio == "file":
        parts.append(f'filesrc location="{options.file}" ! qtdemux name=d')
    if options.media in ("video", "both"):
        parts.append(VIDEO.format(codec=options.codec))
    if options.media in ("audio", "both"):
        parts.append(AUDIO[options.audio].format(pay="pay0" if options.media == "audio" else "pay1"))
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch("( " + " ".join(parts) + " )")
    factory.set_shared(True)
    server.get_mount_points().add_factory("/live", factory)

    if options.user:
        auth = GstRtspServer.RTSPAuth()
        auth.set_supported_methods(2)  # GST_RTSP_AUTH_DIGEST
        token = GstRtspServer.RTSPToken()
        token.set_string("media.factory.role", "user")
        auth.add_digest(options.user, options.password, token)
        server.set_auth(auth)
        permissions = GstRtspServer.RTSPPermissions()
        permissions.add_permission_for_role("user", "media.factory.access", True)
        permissions.add_permission_for_role("user", "media.factory.construct", True)
        factory.set_permissions(permissions)

    if server.attach(None) == 0:
        sys.exit("the port is taken")
    print(f"rtsp://127.0.0.1:{server.get_bound_port()}/live", flush=True)

    loop = GLib.MainLoop()
    threading.Thread(target=lambda: (sys.stdin.read(), loop.quit()), daemon=True).start()
    loop.run()


if __name__ == "__main__":
    main()
