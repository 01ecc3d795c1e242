import fc from 'fast-check';
import { generate } from 'mqtt-packet';
import { expect, test } from 'vitest';
import { Acknowledgements } from '../../../../collector/source/mqtt/acknowledgements.ts';

test('they are the packets that MQTT knows, in their order, however many there are', () => {
  const answer = fc.record({ messageId: fc.integer({ min: 1, max: 65_535 }), second: fc.boolean() });
  fc.assert(
    fc.property(fc.array(answer, { maxLength: 300 }), answers => {
      const acknowledgements = new Acknowledgements();
      for (const { messageId, second } of answers) acknowledgements.add(messageId, second ? 2 : 1);
      expect(acknowledgements.count).toBe(answers.length);
      const expected = answers.map(({ messageId, second }) =>
        generate({ cmd: second ? 'pubrec' : 'puback', messageId }),
      );
      expect(acknowledgements.packets).toEqual(Buffer.concat(expected));
    }),
  );
});
