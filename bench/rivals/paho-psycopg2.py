"""What people write first in Python: paho receives, psycopg2 inserts a row a message, every tenth commits.

    python3 bench/rivals/paho-psycopg2.py BROKER_PORT DATABASE_URL

Prints a line when it is subscribed. What is acknowledged and not committed is lost when it ends.
"""

import json
import sys

import paho.mqtt.client as mqtt
import psycopg2

COMMIT_EVERY = 10

port, database_url = int(sys.argv[1]), sys.argv[2]
database = psycopg2.connect(database_url, application_name="rival")
cursor = database.cursor()
count = 0


def on_message(_client, _userdata, message):
    global count
    reading = json.loads(message.payload)
    cursor.execute(
        "INSERT INTO silver.sensor_reading (time, sensor_id, value, quality) VALUES (%s, %s, %s, 'valid')",
        (reading["dt"], reading["id"], reading["value"]),
    )
    count += 1
    if count % COMMIT_EVERY == 0:
        database.commit()


def on_connect(client, *_):
    client.subscribe("sensors/#", qos=1)


def on_subscribe(*_):
    print("subscribed", flush=True)


client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
client.on_connect = on_connect
client.on_subscribe = on_subscribe
client.on_message = on_message
client.connect("127.0.0.1", port)
client.loop_forever()
