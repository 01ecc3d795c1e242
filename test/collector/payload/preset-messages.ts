import { sparkplugMessage } from './sparkplug-message.ts';

/** A message, and the readings that it makes: `id value unit time` each; or why it makes none. */
type Case = [topic: string, payload: unknown, readings: string | string[]];

/*
 * What each preset makes of messages that are written as the documentation of its devices shows them: id, value, unit and
 * time. The arrival is 2025-11-12T10:15:01.000001Z.
 */
export const presets: Record<string, { use?: string; cases: Case[] }> = {
  // https://www.zigbee2mqtt.io/guide/usage/mqtt_topics_and_messages.html
  zigbee2mqtt: {
    cases: [
      [
        'zigbee2mqtt/hall',
        { temperature: 27.34, humidity: 44.72 },
        ['hall/temperature 27.34 °C now', 'hall/humidity 44.72 % now'],
      ],
      ['zigbee2mqtt/switch', { action: 'single' }, []],
      [
        'zigbee2mqtt/plug',
        {
          current: 0.11,
          voltage: 230,
          power: 25,
          energy: 1.5,
          local_temperature: 21.5,
          pressure: 1013,
          illuminance: 80,
        },
        [
          'plug/pressure 1013 hPa now',
          'plug/power 25 W now',
          'plug/energy 1.5 kWh now',
          'plug/illuminance 80 lx now',
          'plug/current 0.11 A now',
          'plug/voltage 230 now',
          'plug/local_temperature 21.5 °C now',
        ],
      ],
      ['zigbee2mqtt/button', { battery: 'low', linkquality: 60 }, ['button/linkquality 60 now']],
      ['zigbee2mqtt/motion', { occupancy: true }, ['motion/occupancy 1 now']],
      [
        'zigbee2mqtt/kitchen/floor_light',
        {
          state: 'ON',
          brightness: 215,
          color_temp: 325,
          last_seen: '2025-11-12T11:00:00+01:00',
          update: { installed_version: 1 },
        },
        [
          'kitchen/floor_light/state 1 2025-11-12T10:00:00Z',
          'kitchen/floor_light/brightness 215 2025-11-12T10:00:00Z',
          'kitchen/floor_light/color_temp 325 2025-11-12T10:00:00Z',
        ],
      ],
      ['zigbee2mqtt/bridge/state', { state: 'online' }, 'ignored'],
      ['zigbee2mqtt/hall/availability', { state: 'online' }, 'ignored'],
      ['zigbee2mqtt/hall/set', { state: 'ON' }, 'ignored'],
    ],
  },
  // https://tasmota.github.io/docs/MQTT/
  tasmota: {
    use: 'use: tasmota, time: { zone: Europe/Berlin }',
    cases: [
      [
        'tele/TH16/SENSOR',
        { Time: '2025-11-12T11:00:03', AM2301: { Temperature: 22.6, Humidity: 32.4 }, TempUnit: 'C' },
        [
          'TH16/AM2301.Temperature 22.6 °C 2025-11-12T10:00:03Z',
          'TH16/AM2301.Humidity 32.4 % 2025-11-12T10:00:03Z',
        ],
      ],
      [
        'tele/plug/SENSOR',
        {
          Time: '2025-11-12T11:00:00',
          ENERGY: {
            TotalStartTime: '2022-03-28T18:19:00',
            Total: 3.185,
            Yesterday: 0.058,
            Today: 0.012,
            Power: 25,
            ApparentPower: 31,
            ReactivePower: 18,
            Factor: 0.81,
            Voltage: 230,
            Current: 0.109,
          },
        },
        [
          'plug/ENERGY.Power 25 W 2025-11-12T10:00:00Z',
          'plug/ENERGY.ApparentPower 31 VA 2025-11-12T10:00:00Z',
          'plug/ENERGY.ReactivePower 18 var 2025-11-12T10:00:00Z',
          'plug/ENERGY.Factor 0.81 2025-11-12T10:00:00Z',
          'plug/ENERGY.Voltage 230 V 2025-11-12T10:00:00Z',
          'plug/ENERGY.Current 0.109 A 2025-11-12T10:00:00Z',
          'plug/ENERGY.Total 3.185 kWh 2025-11-12T10:00:00Z',
          'plug/ENERGY.Today 0.012 kWh 2025-11-12T10:00:00Z',
          'plug/ENERGY.Yesterday 0.058 kWh 2025-11-12T10:00:00Z',
        ],
      ],
      [
        'tele/strip/SENSOR',
        { Time: '2025-11-12T11:00:00', ENERGY: { Power: [25, 3], Voltage: 230, Current: [0.109, 0.013] } },
        [
          'strip/ENERGY.Voltage 230 V 2025-11-12T10:00:00Z',
          'strip/ENERGY.Power[0] 25 W 2025-11-12T10:00:00Z',
          'strip/ENERGY.Power[1] 3 W 2025-11-12T10:00:00Z',
          'strip/ENERGY.Current[0] 0.109 A 2025-11-12T10:00:00Z',
          'strip/ENERGY.Current[1] 0.013 A 2025-11-12T10:00:00Z',
        ],
      ],
      // The units are those that the message says.
      [
        'tele/roof/SENSOR',
        {
          Time: '2025-11-12T11:00:00',
          BME280: { Temperature: 71.6, Humidity: 44, DewPoint: 48.5, Pressure: 743.3 },
          PressureUnit: 'mmHg',
          TempUnit: 'F',
        },
        [
          'roof/BME280.Temperature 71.6 °F 2025-11-12T10:00:00Z',
          'roof/BME280.DewPoint 48.5 °F 2025-11-12T10:00:00Z',
          'roof/BME280.Humidity 44 % 2025-11-12T10:00:00Z',
          'roof/BME280.Pressure 743.3 mmHg 2025-11-12T10:00:00Z',
        ],
      ],
      // Before NTP has answered.
      [
        'tele/TH17/SENSOR',
        { Time: '1970-01-01T00:00:12', AM2301: { Temperature: 22.6 }, TempUnit: 'C' },
        ['TH17/AM2301.Temperature 22.6 °C now'],
      ],
      ['tele/TH17/STATE', { Time: '1970-01-01T00:00:12', UptimeSec: 12 }, ['TH17/UptimeSec 12 s now']],
      ['tele/TH18/SENSOR', { Time: 'yesterday', A: { B: 1 } }, 'time is not an ISO 8601 date and time'],
      // https://tasmota.github.io/docs/Zigbee/
      [
        'tele/zbbridge/SENSOR',
        { ZbReceived: { '0x8FD8': { Device: '0x8FD8', Temperature: 20.3, Endpoint: 1, LinkQuality: 76 } } },
        [
          'zbbridge/ZbReceived.0x8FD8.Temperature 20.3 °C now',
          'zbbridge/ZbReceived.0x8FD8.Endpoint 1 now',
          'zbbridge/ZbReceived.0x8FD8.LinkQuality 76 now',
        ],
      ],
      [
        'tele/TH16/STATE',
        {
          Time: '2025-11-12T11:00:02',
          Uptime: '0T00:00:11',
          UptimeSec: 11,
          Heap: 28,
          SleepMode: 'Dynamic',
          Sleep: 50,
          POWER: 'ON',
          Wifi: { AP: 1, SSId: 'leela', RSSI: 30, Signal: -85 },
        },
        [
          'TH16/UptimeSec 11 s 2025-11-12T10:00:02Z',
          'TH16/Wifi.RSSI 30 % 2025-11-12T10:00:02Z',
          'TH16/Wifi.Signal -85 dBm 2025-11-12T10:00:02Z',
          'TH16/POWER 1 2025-11-12T10:00:02Z',
        ],
      ],
      ['tele/TH16/LWT', 'Online', 'no entry'],
    ],
  },
  // https://shelly-api-docs.shelly.cloud/gen1/#shelly-plug-plugs-mqtt
  'shelly-gen1': {
    cases: [
      ['shellies/shellyplug-s-4022D8/relay/0', 'on', ['shellyplug-s-4022D8/relay/0 1 now']],
      [
        'shellies/shellyplug-s-4022D8/relay/0/power',
        '25.41',
        ['shellyplug-s-4022D8/relay/0/power 25.41 W now'],
      ],
      [
        'shellies/shellyplug-s-4022D8/relay/0/energy',
        '4020',
        ['shellyplug-s-4022D8/relay/0/energy 4020 Wmin now'],
      ],
      ['shellies/shellyplug-s-4022D8/temperature', '31.20', ['shellyplug-s-4022D8/temperature 31.2 °C now']],
      ['shellies/shellyplug-s-4022D8/overtemperature', '0', ['shellyplug-s-4022D8/overtemperature 0 now']],
      ['shellies/shellyem-B9/emeter/0/voltage', '231.56', ['shellyem-B9/emeter/0/voltage 231.56 V now']],
      ['shellies/shellyem-B9/emeter/0/total', '3218.4', ['shellyem-B9/emeter/0/total 3218.4 Wh now']],
      [
        'shellies/shellyem-B9/emeter/0/returned_energy',
        '7',
        ['shellyem-B9/emeter/0/returned_energy 7 Wmin now'],
      ],
      ['shellies/shelly1-55/ext_temperature/0', '19.75', ['shelly1-55/ext_temperature/0 19.75 °C now']],
      ['shellies/shellydw2-9F/sensor/state', 'open', ['shellydw2-9F/sensor/state 1 now']],
      ['shellies/shellydw2-9F/sensor/lux', '87', ['shellydw2-9F/sensor/lux 87 lx now']],
      ['shellies/shellyflood-AB/sensor/flood', 'false', ['shellyflood-AB/sensor/flood 0 now']],
      ['shellies/shellyswitch25-11/roller/0/pos', '45', ['shellyswitch25-11/roller/0/pos 45 % now']],
      ['shellies/shellyswitch25-11/roller/0/stop_reason', 'normal', 'ignored'],
      ['shellies/shellydw2-9F/sensor/act_reasons', ['sensor'], 'ignored'],
      ['shellies/shellydw2-9F/sensor/illumination', 'dark', 'ignored'],
      ['shellies/shellyrgbw2-C3/color/0/status', { ison: true, red: 10 }, 'ignored'],
      ['shellies/shellyswitch25-11/roller/0/command/pos', '10', 'ignored'],
      [
        'shellies/shellyht-7A45/sensor/temperature',
        '21.38',
        ['shellyht-7A45/sensor/temperature 21.38 °C now'],
      ],
      ['shellies/shellyht-7A45/sensor/humidity', '48.5', ['shellyht-7A45/sensor/humidity 48.5 % now']],
      ['shellies/shellyem-B9/emeter/1/power', '-12.34', ['shellyem-B9/emeter/1/power -12.34 W now']],
      ['shellies/shellyplug-s-4022D8/relay/0/command', 'off', 'ignored'],
      ['shellies/announce', { id: 'shellyplug-s-4022D8' }, 'ignored'],
      ['shellies/shellyplug-s-4022D8/online', 'true', 'ignored'],
    ],
  },
  // https://shelly-api-docs.shelly.cloud/gen2/General/Notifications
  'shelly-gen2': {
    cases: [
      [
        'shellyplusht-b8d61a8b17cc/events/rpc',
        {
          src: 'shellyplusht-b8d61a8b17cc',
          dst: 'shellyplusht-b8d61a8b17cc/events',
          method: 'NotifyFullStatus',
          params: {
            ts: 1680962879.62,
            cloud: { connected: false },
            'devicepower:0': { id: 0, battery: { V: 0.43, percent: 0 }, external: { present: true } },
            'humidity:0': { id: 0, rh: 42.2 },
            'temperature:0': { id: 0, tC: 19.8, tF: 67.6 },
            sys: { mac: 'B8D61A8B17CC', uptime: 3, ram_size: 235300 },
            wifi: { sta_ip: '192.168.3.183', rssi: -50 },
          },
        },
        [
          'shellyplusht-b8d61a8b17cc/temperature:0.tC 19.8 °C 2023-04-08T14:07:59.620000Z',
          'shellyplusht-b8d61a8b17cc/humidity:0.rh 42.2 % 2023-04-08T14:07:59.620000Z',
          'shellyplusht-b8d61a8b17cc/devicepower:0.battery.V 0.43 V 2023-04-08T14:07:59.620000Z',
          'shellyplusht-b8d61a8b17cc/devicepower:0.battery.percent 0 % 2023-04-08T14:07:59.620000Z',
          'shellyplusht-b8d61a8b17cc/devicepower:0.external.present 1 2023-04-08T14:07:59.620000Z',
        ],
      ],
      [
        'shellyplus1pm-a8/events/rpc',
        {
          method: 'NotifyStatus',
          params: {
            ts: 1680962879,
            'switch:0': {
              id: 0,
              aenergy: { by_minute: [1, 2, 3], minute_ts: 1680962878, total: 6.532 },
              apower: 8.9,
              output: true,
            },
          },
        },
        [
          'shellyplus1pm-a8/switch:0.apower 8.9 W 2023-04-08T14:07:59Z',
          'shellyplus1pm-a8/switch:0.aenergy.total 6.532 Wh 2023-04-08T14:07:59Z',
          'shellyplus1pm-a8/switch:0.output 1 2023-04-08T14:07:59Z',
        ],
      ],
      // https://shelly-api-docs.shelly.cloud/gen2/ComponentsAndServices/EM
      [
        'shellypro3em-a8/events/rpc',
        {
          method: 'NotifyStatus',
          params: {
            ts: 1680962879,
            'em:0': {
              id: 0,
              a_current: 4.029,
              a_voltage: 236.1,
              a_act_power: 951.2,
              a_aprt_power: 951.9,
              a_pf: 1,
              a_freq: 50,
              n_current: null,
              total_act_power: 2484.782,
            },
            'emdata:0': { id: 0, total_act: 120.5, total_act_ret: 0 },
          },
        },
        [
          'shellypro3em-a8/em:0.total_act_power 2484.782 W 2023-04-08T14:07:59Z',
          'shellypro3em-a8/em:0.a_act_power 951.2 W 2023-04-08T14:07:59Z',
          'shellypro3em-a8/em:0.a_aprt_power 951.9 VA 2023-04-08T14:07:59Z',
          'shellypro3em-a8/em:0.a_voltage 236.1 V 2023-04-08T14:07:59Z',
          'shellypro3em-a8/em:0.a_current 4.029 A 2023-04-08T14:07:59Z',
          'shellypro3em-a8/em:0.a_freq 50 Hz 2023-04-08T14:07:59Z',
          'shellypro3em-a8/em:0.a_pf 1 2023-04-08T14:07:59Z',
          'shellypro3em-a8/emdata:0.total_act 120.5 Wh 2023-04-08T14:07:59Z',
          'shellypro3em-a8/emdata:0.total_act_ret 0 Wh 2023-04-08T14:07:59Z',
        ],
      ],
      // https://shelly-api-docs.shelly.cloud/gen2/DynamicComponents/BTHome/BTHomeSensor
      [
        'shellyblugw-a8/events/rpc',
        {
          method: 'NotifyStatus',
          params: {
            ts: 1680962879,
            'bthomesensor:200': { id: 200, value: 21.5, last_updated_ts: 1680962878 },
          },
        },
        ['shellyblugw-a8/bthomesensor:200.value 21.5 2023-04-08T14:07:59Z'],
      ],
      [
        'shellyplus1pm-a8/events/rpc',
        {
          method: 'NotifyEvent',
          params: {
            ts: 1680962879,
            events: [{ component: 'input:0', id: 0, event: 'single_push', ts: 1680962879 }],
          },
        },
        [],
      ],
    ],
  },
  // https://esphome.io/components/mqtt.html
  esphome: {
    cases: [
      ['livingroom/sensor/temperature/state', '21.4', ['livingroom/temperature 21.4 now']],
      ['livingroom/sensor/temperature/state', 'nan', 'not a number: nan'],
      ['livingroom/binary_sensor/window/state', 'ON', ['livingroom/window 1 now']],
      ['livingroom/switch/relay/state', 'OFF', ['livingroom/relay 0 now']],
      ['livingroom/status', 'online', 'no entry'],
    ],
  },
  // https://www.home-assistant.io/integrations/mqtt_statestream/: a state is sent as it stands, attributes as JSON.
  'home-assistant': {
    cases: [
      ['homeassistant/sensor/outdoor_temperature/state', '21.5', ['sensor.outdoor_temperature 21.5 now']],
      ['homeassistant/light/master_bedroom_dimmer/state', 'on', ['light.master_bedroom_dimmer 1 now']],
      ['homeassistant/binary_sensor/window/state', 'off', ['binary_sensor.window 0 now']],
      ['homeassistant/cover/garage/state', 'open', ['cover.garage 1 now']],
      ['homeassistant/cover/garage/state', 'closed', ['cover.garage 0 now']],
      ['homeassistant/cover/garage/state', 'opening', []],
      ['homeassistant/person/jane/state', 'not_home', ['person.jane 0 now']],
      ['homeassistant/lock/door/state', 'locked', ['lock.door 1 now']],
      ['homeassistant/sun/sun/state', 'below_horizon', ['sun.sun 0 now']],
      ['homeassistant/weather/home/state', 'cloudy', []],
      ['homeassistant/sensor/outdoor_temperature/state', 'unavailable', []],
      ['homeassistant/sensor/outdoor_temperature/state', 'unknown', []],
      ['homeassistant/input_text/note/state', 'none', []],
      ['homeassistant/light/master_bedroom_dimmer/brightness', '254', 'no entry'],
      [
        'homeassistant/light/master_bedroom_dimmer/last_updated',
        '"2017-10-01T23:20:30.920969+00:00"',
        'no entry',
      ],
    ],
  },
  // https://www.chirpstack.io/docs/chirpstack/integrations/events.html
  chirpstack: {
    cases: [
      [
        'application/17c82e96-be03-4f38-aef3-f83d48582d97/device/0101010101010101/event/up',
        {
          deduplicationId: '3ac7e3c4-4401-4b8d-9386-a5c902f9202d',
          time: '2022-07-18T09:34:15.775023242+00:00',
          deviceInfo: {
            tenantName: 'ChirpStack',
            applicationName: 'Test application',
            deviceName: 'Test device',
            devEui: '0101010101010101',
            tags: { key: 'value' },
          },
          devAddr: '00189440',
          dr: 1,
          fPort: 1,
          data: 'qg==',
          object: { temperature: 21.5, leak: false, battery: { voltage: 3.6 } },
          rxInfo: [{ gatewayId: '0016c001f153a14c', rssi: -48, snr: 9 }],
        },
        [
          '0101010101010101/temperature 21.5 2022-07-18T09:34:15.775023Z',
          '0101010101010101/leak 0 2022-07-18T09:34:15.775023Z',
          '0101010101010101/battery.voltage 3.6 2022-07-18T09:34:15.775023Z',
        ],
      ],
      [
        'application/17c82e96/device/0101010101010101/event/up',
        { time: '2022-07-18T09:34:15Z', deviceInfo: { deviceName: 'x' }, fPort: 1 },
        [],
      ],
      // A codec may have a time of its own, and say units beside its values.
      [
        'application/17c82e96/device/0202020202020202/event/up',
        {
          time: '2022-07-18T09:34:15Z',
          deviceInfo: { deviceName: 'Weather' },
          object: { time: 12, air: { value: 21.5, unit: '°C' } },
        },
        [
          '0202020202020202/time 12 2022-07-18T09:34:15Z',
          '0202020202020202/air.value 21.5 °C 2022-07-18T09:34:15Z',
        ],
      ],
      [
        'application/17c82e96/device/0101010101010101/event/status',
        {
          time: '2022-07-18T09:35:06.927172638+00:00',
          deviceInfo: { deviceName: 'Test device' },
          margin: 10,
          externalPowerSource: false,
          batteryLevel: 88.3,
        },
        [
          '0101010101010101/batteryLevel 88.3 % 2022-07-18T09:35:06.927172Z',
          '0101010101010101/margin 10 dB 2022-07-18T09:35:06.927172Z',
          '0101010101010101/externalPowerSource 0 2022-07-18T09:35:06.927172Z',
        ],
      ],
      [
        'application/17c82e96/device/0101010101010101/event/location',
        {
          time: '2022-07-18T09:55:11.059481003+00:00',
          deviceInfo: { deviceName: 'Test device' },
          location: { latitude: 37.344214, longitude: -8.839375, altitude: 2 },
        },
        [
          '0101010101010101/latitude 37.344214 ° 2022-07-18T09:55:11.059481Z',
          '0101010101010101/longitude -8.839375 ° 2022-07-18T09:55:11.059481Z',
          '0101010101010101/altitude 2 m 2022-07-18T09:55:11.059481Z',
        ],
      ],
      ['application/17c82e96/device/0101010101010101/event/join', { devAddr: '00189440' }, 'no entry'],
    ],
  },
  // https://www.thethingsindustries.com/docs/integrations/data-formats/
  'the-things-stack': {
    cases: [
      [
        'v3/app1@tenant1/devices/dev1/up',
        {
          end_device_ids: {
            device_id: 'dev1',
            application_ids: { application_id: 'app1' },
            dev_eui: '0004A30B001C0530',
          },
          received_at: '2020-02-12T15:15:46.014773143Z',
          uplink_message: {
            f_cnt: 1,
            frm_payload: 'gkHe',
            decoded_payload: { temperature: 1.0, luminosity: 0.64 },
            rx_metadata: [{ time: '2020-02-12T15:15:45.787Z', rssi: -35 }],
            received_at: '2020-02-12T15:15:45.789585559Z',
          },
        },
        [
          'app1/dev1/temperature 1 2020-02-12T15:15:45.789585Z',
          'app1/dev1/luminosity 0.64 2020-02-12T15:15:45.789585Z',
        ],
      ],
      [
        'v3/app1@tenant1/devices/dev1/up',
        { end_device_ids: { device_id: 'dev1' }, uplink_message: { frm_payload: 'gkHe' } },
        [],
      ],
      ['v3/app1@tenant1/devices/dev1/join', {}, 'no entry'],
    ],
  },
  // https://sparkplug.eclipse.org/specification/version/3.0/
  'sparkplug-b': {
    cases: [
      [
        'spBv1.0/Sparkplug Devices/DBIRTH/JSON Edge Node/Emulated Device',
        sparkplugMessage({
          timestamp: 1486144502122,
          seq: 2,
          metrics: [
            {
              name: 'Pressure',
              alias: 7,
              timestamp: 1486144502122,
              datatype: 10,
              double_value: 1.5,
              properties: { keys: ['engUnit'], values: [{ type: 12, string_value: 'bar' }] },
            },
          ],
        }),
        ['Sparkplug Devices/JSON Edge Node/Emulated Device/Pressure 1.5 bar 2017-02-03T17:55:02.122000Z'],
      ],
      [
        'spBv1.0/Sparkplug Devices/DDATA/JSON Edge Node/Emulated Device',
        sparkplugMessage({ timestamp: 1486144502200, seq: 3, metrics: [{ alias: 7, double_value: 1.75 }] }),
        ['Sparkplug Devices/JSON Edge Node/Emulated Device/Pressure 1.75 bar 2017-02-03T17:55:02.200000Z'],
      ],
      ['spBv1.0/STATE/host1', { online: true, timestamp: 1486144502122 }, []],
    ],
  },
  // https://github.com/victronenergy/dbus-flashmq
  victron: {
    cases: [
      [
        'N/e0ff50a097c0/pvinverter/20/Ac/Power',
        { value: 936 },
        ['e0ff50a097c0/pvinverter/20/Ac/Power 936 W now'],
      ],
      ['N/e0ff50a097c0/pvinverter/20/Ac/L2/Power', { value: null }, []],
      ['N/e0ff50a097c0/system/0/Serial', { value: 'e0ff50a097c0' }, []],
      ['N/e0ff50a097c0/pvinverter/20/Ac/Power', '', []],
      [
        'N/e0ff50a097c0/settings/0/Settings/LEDs/Enable',
        { max: 1, min: 0, value: 1 },
        ['e0ff50a097c0/settings/0/Settings/LEDs/Enable 1 now'],
      ],
      [
        'N/e0ff50a097c0/solarcharger/279/Dc/0/Voltage',
        { value: 20.43000030517578 },
        ['e0ff50a097c0/solarcharger/279/Dc/0/Voltage 20.43000030517578 V now'],
      ],
      ['N/e0ff50a097c0/battery/512/Soc', { value: 87 }, ['e0ff50a097c0/battery/512/Soc 87 % now']],
      [
        'N/e0ff50a097c0/battery/512/Dc/0/Current',
        { value: -4 },
        ['e0ff50a097c0/battery/512/Dc/0/Current -4 A now'],
      ],
      [
        'N/e0ff50a097c0/vebus/276/Ac/Out/L1/P',
        { value: 311 },
        ['e0ff50a097c0/vebus/276/Ac/Out/L1/P 311 W now'],
      ],
      [
        'N/e0ff50a097c0/system/0/Ac/Grid/L1/Power',
        { value: 52 },
        ['e0ff50a097c0/system/0/Ac/Grid/L1/Power 52 W now'],
      ],
      [
        'N/e0ff50a097c0/grid/30/Ac/Energy/Forward',
        { value: 1204.5 },
        ['e0ff50a097c0/grid/30/Ac/Energy/Forward 1204.5 kWh now'],
      ],
      ['N/e0ff50a097c0/vebus/276/State', { value: 9 }, ['e0ff50a097c0/vebus/276/State 9 now']],
      ['N/e0ff50a097c0/keepalive', '1', 'no entry'],
      ['N/e0ff50a097c0/full_publish_completed', { value: 1702459522 }, 'no entry'],
    ],
  },
  // https://github.com/merbanan/rtl_433/blob/master/docs/DATA_FORMAT.md
  rtl_433: {
    use: 'use: rtl_433, time: { zone: Europe/Berlin }',
    cases: [
      [
        'rtl_433/pi/events',
        {
          time: '2025-11-12 11:00:05',
          model: 'Prologue-TH',
          subtype: 5,
          id: 147,
          channel: 3,
          battery_ok: 1,
          temperature_C: 33.2,
          humidity: 41,
          mic: 'CRC',
        },
        [
          'Prologue-TH/3/147/temperature_C 33.2 °C 2025-11-12T10:00:05Z',
          'Prologue-TH/3/147/humidity 41 % 2025-11-12T10:00:05Z',
          'Prologue-TH/3/147/battery_ok 1 2025-11-12T10:00:05Z',
        ],
      ],
      [
        'rtl_433/pi/events',
        { time: '1762941605.500000', model: 'Acurite-Rain', id: 'a1', rain_mm: 107.7 },
        ['Acurite-Rain/a1/rain_mm 107.7 mm 2025-11-12T10:00:05.500000Z'],
      ],
      [
        'rtl_433/pi/events',
        {
          time: '2025-11-12T11:00:06',
          model: 'Bresser-5in1',
          id: 77,
          battery_ok: 1,
          wind_max_m_s: 4.2,
          wind_avg_m_s: 3.1,
          wind_dir_deg: 292.5,
          rain_rate_mm_h: 0.4,
          battery_V: 2.9,
          mic: 'CHECKSUM',
        },
        [
          'Bresser-5in1/77/wind_dir_deg 292.5 ° 2025-11-12T10:00:06Z',
          'Bresser-5in1/77/wind_avg_m_s 3.1 m/s 2025-11-12T10:00:06Z',
          'Bresser-5in1/77/wind_max_m_s 4.2 m/s 2025-11-12T10:00:06Z',
          'Bresser-5in1/77/rain_rate_mm_h 0.4 mm/h 2025-11-12T10:00:06Z',
          'Bresser-5in1/77/battery_ok 1 2025-11-12T10:00:06Z',
          'Bresser-5in1/77/battery_V 2.9 V 2025-11-12T10:00:06Z',
        ],
      ],
      // Relative to its start, where it has no clock.
      [
        'rtl_433/pi/events',
        { time: '@0.123456s', model: 'Schrader', type: 'TPMS', id: 'ABCD', pressure_kPa: 227.5 },
        ['Schrader/ABCD/pressure_kPa 227.5 kPa now'],
      ],
      ['rtl_433/pi/devices/Prologue-TH/5/3/147/temperature_C', '33.2', 'no entry'],
    ],
  },
  // https://homieiot.github.io/
  homie: {
    cases: [
      // Attributes hold no readings: their units are those of the values that follow.
      ['homie/super-car/engine/temperature/$unit', '°C', []],
      ['homie/super-car/engine/temperature/$datatype', 'float', []],
      ['homie/super-car/engine/direction/$datatype', 'enum', []],
      ['homie/super-car/engine/temperature', '21.5', ['super-car/engine/temperature 21.5 °C now']],
      ['homie/super-car/$stats/battery', '80', ['super-car/$stats/battery 80 now']],
      ['homie/super-car/lights/on', 'true', ['super-car/lights/on 1 now']],
      ['homie/super-car/engine/$name', 'Car engine', 'ignored'],
      ['homie/super-car/$fw/version', '1.0.0', 'ignored'],
      ['homie/super-car/engine/direction', 'forward', []],
      ['homie/super-car/wheels/angle', 'steep', 'not a number'],
      [
        'homie/5/racer/$description',
        {
          homie: '5.0',
          version: 7,
          name: 'Racer',
          nodes: {
            engine: {
              name: 'Car engine',
              properties: {
                speed: { name: 'Speed', datatype: 'integer', unit: 'km/h', format: '0:400' },
                gear: { datatype: 'enum', format: 'N,1,2,3' },
                hot: { datatype: 'boolean' },
              },
            },
          },
        },
        [],
      ],
      ['homie/5/racer/engine/speed', '211', ['racer/engine/speed 211 km/h now']],
      ['homie/5/racer/engine/gear', 'N', []],
      ['homie/5/racer/engine/hot', 'false', ['racer/engine/hot 0 now']],
      ['homie/5/racer/engine/speed/$target', '250', 'ignored'],
      ['homie/5/racer/engine/oil', '4.5', ['racer/engine/oil 4.5 now']],
      ['homie/5/super-car/$state', 'ready', 'ignored'],
      ['homie/5/super-car/$log/warn', 'battery low', 'ignored'],
      ['homie/5/super-car/lights/on/set', 'true', 'ignored'],
    ],
  },
  // https://docs.ruuvi.com/gw-data-formats/mqtt-time-stamped-data-from-bluetooth-sensors
  ruuvi: {
    cases: [
      [
        'ruuvi/C8:25:2D:8E:9C:2C/CB:B8:33:4C:88:4F',
        {
          gw_mac: 'C8:25:2D:8E:9C:2C',
          rssi: -62,
          aoa: [],
          gwts: '1659365432',
          ts: '1659365222',
          data: '03291A1ECE1EFC18F94202CA0B53',
          coords: '',
        },
        [
          'CB:B8:33:4C:88:4F/temperature 26.3 °C 2022-08-01T14:47:02Z',
          'CB:B8:33:4C:88:4F/humidity 20.5 % 2022-08-01T14:47:02Z',
          'CB:B8:33:4C:88:4F/pressure 102766 Pa 2022-08-01T14:47:02Z',
          'CB:B8:33:4C:88:4F/acceleration_x -1 g 2022-08-01T14:47:02Z',
          'CB:B8:33:4C:88:4F/acceleration_y -1.726 g 2022-08-01T14:47:02Z',
          'CB:B8:33:4C:88:4F/acceleration_z 0.714 g 2022-08-01T14:47:02Z',
          'CB:B8:33:4C:88:4F/battery 2.899 V 2022-08-01T14:47:02Z',
          'CB:B8:33:4C:88:4F/rssi -62 dBm 2022-08-01T14:47:02Z',
        ],
      ],
      // Without timestamps, in format 5.
      [
        'ruuvi/C8:25:2D:8E:9C:2C/F4:1F:0C:28:CB:D6',
        {
          gw_mac: 'C8:25:2D:8E:9C:2C',
          rssi: -25,
          aoa: [],
          cnt: '338',
          data: '0201061BFF990405166455D5C6DE0008FFF403F0AE760F2A8BF41F0C28CBD6',
          coords: '',
        },
        [
          'F4:1F:0C:28:CB:D6/temperature 28.66 °C now',
          'F4:1F:0C:28:CB:D6/humidity 54.9325 % now',
          'F4:1F:0C:28:CB:D6/pressure 100910 Pa now',
          'F4:1F:0C:28:CB:D6/acceleration_x 0.008 g now',
          'F4:1F:0C:28:CB:D6/acceleration_y -0.012 g now',
          'F4:1F:0C:28:CB:D6/acceleration_z 1.008 g now',
          'F4:1F:0C:28:CB:D6/battery 2.995 V now',
          'F4:1F:0C:28:CB:D6/tx_power 4 dBm now',
          'F4:1F:0C:28:CB:D6/movement_counter 15 now',
          'F4:1F:0C:28:CB:D6/measurement_sequence 10891 now',
          'F4:1F:0C:28:CB:D6/rssi -25 dBm now',
        ],
      ],
      ['ruuvi/C8:25:2D:8E:9C:2C/gw_status', { state: 'online' }, 'ignored'],
    ],
  },
  // https://owntracks.org/booklet/tech/json/
  owntracks: {
    cases: [
      [
        'owntracks/jane/iphone',
        {
          _type: 'location',
          cog: 271,
          batt: 41,
          lon: 2.29513,
          acc: 5,
          vel: 61,
          lat: 48.85833,
          tst: 1497508651,
          alt: 167,
          vac: 4,
          p: 101.2,
          bs: 1,
          conn: 'w',
          inregions: ['Home'],
          created_at: 1497508652,
          tid: 'JJ',
        },
        [
          'jane/iphone/lat 48.85833 ° 2017-06-15T06:37:31Z',
          'jane/iphone/lon 2.29513 ° 2017-06-15T06:37:31Z',
          'jane/iphone/alt 167 m 2017-06-15T06:37:31Z',
          'jane/iphone/acc 5 m 2017-06-15T06:37:31Z',
          'jane/iphone/vac 4 m 2017-06-15T06:37:31Z',
          'jane/iphone/vel 61 km/h 2017-06-15T06:37:31Z',
          'jane/iphone/cog 271 ° 2017-06-15T06:37:31Z',
          'jane/iphone/batt 41 % 2017-06-15T06:37:31Z',
          'jane/iphone/bs 1 2017-06-15T06:37:31Z',
          'jane/iphone/p 101.2 kPa 2017-06-15T06:37:31Z',
        ],
      ],
      ['owntracks/jane/iphone', { _type: 'lwt', tst: 1497508651 }, []],
      ['owntracks/jane/iphone/event', { _type: 'transition', event: 'enter', tst: 1497508651 }, 'no entry'],
    ],
  },
  // https://docs.influxdata.com/influxdb/v2/reference/syntax/line-protocol/
  telegraf: {
    cases: [
      [
        'telegraf/host1/cpu',
        'cpu,cpu=cpu0,host=host1 usage_idle=98.5,usage_user=1i 1458229140000000000',
        [
          'cpu/cpu0/host1/usage_idle 98.5 2016-03-17T15:39:00Z',
          'cpu/cpu0/host1/usage_user 1 2016-03-17T15:39:00Z',
        ],
      ],
      [
        'telegraf/nas/disk',
        'disk,device=sda1,fstype=ext4,host=nas,mode=rw,path=/ used_percent=12.5 1458229140000000000',
        ['disk/sda1/ext4/nas/rw/used_percent 12.5 2016-03-17T15:39:00Z'],
      ],
    ],
  },
  // https://github.com/influxdata/telegraf/tree/master/plugins/serializers/json
  'telegraf-json': {
    cases: [
      [
        'telegraf/raynor/docker',
        {
          fields: { field_1: 30, n_images: 660 },
          name: 'docker',
          tags: { host: 'raynor' },
          timestamp: 1458229140,
        },
        ['docker/raynor/field_1 30 2016-03-17T15:39:00Z', 'docker/raynor/n_images 660 2016-03-17T15:39:00Z'],
      ],
      [
        'telegraf/nas/disk',
        {
          fields: { used_percent: 12.5 },
          name: 'disk',
          tags: { device: 'sda1', fstype: 'ext4', host: 'nas', mode: 'rw', path: '/boot' },
          timestamp: 1458229140,
        },
        ['disk/sda1/ext4/nas/rw/boot/used_percent 12.5 2016-03-17T15:39:00Z'],
      ],
    ],
  },
  // https://www.rfc-editor.org/rfc/rfc8428
  senml: {
    cases: [
      [
        'senml/x',
        [{ n: 'urn:dev:ow:10e2073a01080063', u: 'Cel', v: 23.1 }],
        ['urn:dev:ow:10e2073a01080063 23.1 Cel now'],
      ],
      [
        'senml/room',
        [
          { bn: 'urn:dev:ow:10e2073a01080064:', bt: 1320067464, bu: '%RH', v: 21.2 },
          { t: 60, v: 21.3 },
          { u: 'lon', n: 'lon', v: 24.30621 },
          { n: 'open', vb: false },
          { n: 'label', vs: 'Machine Room' },
        ],
        [
          'urn:dev:ow:10e2073a01080064: 21.2 %RH 2011-10-31T13:24:24Z',
          'urn:dev:ow:10e2073a01080064: 21.3 %RH 2011-10-31T13:25:24Z',
          'urn:dev:ow:10e2073a01080064:lon 24.30621 lon 2011-10-31T13:24:24Z',
          'urn:dev:ow:10e2073a01080064:open 0 %RH 2011-10-31T13:24:24Z',
        ],
      ],
    ],
  },
  // https://nodered.org/docs/user-guide/messages
  'node-red': {
    cases: [
      ['node-red/garden/soil', '21.5', ['garden/soil 21.5 now']],
      [
        'node-red/garden',
        { moisture: 41, pump: false, timestamp: 1762941600123 },
        ['garden/moisture 41 2025-11-12T10:00:00.123000Z', 'garden/pump 0 2025-11-12T10:00:00.123000Z'],
      ],
    ],
  },
};
