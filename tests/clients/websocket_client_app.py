"""Debian's python3-websocket, driven as certstream-python drives it: websocket_client_app.py URL COUNT

Reads of every message that is no heartbeat what that project's command reads, so a missing member or another kind of message
ends it. Prints "NUMBER" for each certificate and "gap" for a heartbeat with a gap; ends after COUNT certificates.
"""
import json
import sys

import websocket

url, count = sys.argv[1], int(sys.argv[2])
seen = 0
failure = None


def on_message(app, text):
    global seen
    message = json.loads(text)
    if message["message_type"] == "heartbeat":
        if "gap" in message:
            print("gap", flush=True)
        return
    data = message["data"]
    names = data["leaf_cert"]["all_domains"]
    line = "[{}] {} {} {}".format(float(data["seen"]), data["source"]["url"],
                                  data["leaf_cert"]["subject"]["CN"], ", ".join(names[:1]))
    assert line
    print(data["cert_index"], flush=True)
    seen += 1
    if seen == count:
        app.close()


def on_error(app, error):
    global failure
    failure = error
    app.close()


client = websocket.WebSocketApp(url, on_message=on_message, on_error=on_error)
client.run_forever(ping_interval=15)
if failure is not None or seen != count:
    sys.exit(f"{seen} of {count}: {failure!r}")
