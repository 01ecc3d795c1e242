import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command, CommanderError, type Option } from 'commander';
import { loadEnvironment } from '../base/environment.ts';
import { errorText, UsageError } from '../base/errors.ts';
import { didYouMean } from '../base/nearest.ts';
import { surviveClosedOutput } from '../base/signals.ts';

/** A command: what it does, and the module that gives it its options and its action. */
export type Entry = [
  name: string,
  description: string,
  load: () => Promise<{ default: (command: Command) => unknown }>,
];

/**
 * Runs the command that the command line names, and ends the process: with 0 when it did what it says, 1 when not, 2 for
 * what the user can mend in the call, the settings or a file.
 *
 * Errors are one line on standard error; usage is shown to who asks for it.
 */
export async function runProgram(entries: Entry[]): Promise<never> {
  surviveClosedOutput();
  const words = process.argv.slice(2);
  try {
    loadEnvironment();
    await (await programFor(entries, words)).parseAsync();
    // What is written into a pipe may still be on its way.
    await new Promise(resolve => process.stdout.write('', resolve));
    process.exit();
  } catch (error) {
    if (!(error instanceof CommanderError && error.exitCode === 0)) {
      process.stderr.write(`sluice: ${sentenceOf(error, entries, words)}\n`);
    }
    process.exit(exitCodeOf(error));
  }
}

/** The command line, with the command that `words` name ready to run. */
async function programFor(entries: Entry[], words: string[]): Promise<Command> {
  const program = new Command('sluice')
    .description(
      'An MQTT stream collector: raw JSONL files, a hypertable, one-minute means. Settings come from the environment.',
    )
    .version(`Sluice ${version()}, Node ${process.versions.node}`, '-V, --version')
    .exitOverride()
    // Said in one place, with all other errors.
    .configureOutput({ outputError: () => undefined, writeErr: () => undefined })
    .configureHelp({ optionDescription: markRequired });
  // `sluice help NAME` wants its options too.
  const asked = words.filter(word => !word.startsWith('-')).slice(0, words[0] === 'help' ? 2 : 1);
  for (const [name, description, load] of entries) {
    const command = program.command(name).description(description);
    if (asked.includes(name)) (await load()).default(command);
  }
  return program;
}

function version(): string {
  return JSON.parse(readFileSync(join(import.meta.dirname, '../package.json'), 'utf8')).version;
}

function markRequired(option: Option): string {
  const more = option.argChoices ? [`one of ${option.argChoices.join(', ')}`] : [];
  if (option.mandatory) more.unshift('required');
  if (option.defaultValue !== undefined && !Array.isArray(option.defaultValue)) {
    more.push(`default: ${option.defaultValue}`);
  }
  return more.length > 0 ? `${option.description} (${more.join('; ')})` : option.description;
}

function commandOf(entries: Entry[], words: string[]): string {
  return entries.some(([name]) => name === words[0]) ? `sluice ${words[0]}` : 'sluice';
}

function sentenceOf(error: unknown, entries: Entry[], words: string[]): string {
  if (error instanceof CommanderError) {
    if (error.code === 'commander.help') return `${missingText(entries, words)} ${usageAt(entries, words)}`;
    return `${usageText(error)} ${usageAt(entries, words)}`;
  }
  const isDetailed = /^(?:debug|trace)$/.test(process.env.LOG_LEVEL ?? '');
  return (isDetailed && (error as Error).stack) || errorText(error);
}

/** Where commander would print its help without being asked. */
function missingText(entries: Entry[], [first, second]: string[]): string {
  if (first !== 'help' || second === undefined) return 'A command is missing.';
  const names = entries.map(([name]) => name);
  return `unknown command '${second}'${didYouMean(second, names) || '.'}`;
}

function usageAt(entries: Entry[], words: string[]): string {
  return `\`${commandOf(entries, words)} --help\` tells the usage.`;
}

/** What commander says, in one line: what is wrong, and what was meant perhaps. */
function usageText({ message }: CommanderError): string {
  const [what, ...more] = message.replace(/^error: /, '').split('\n');
  const meant = /^\(Did you mean (.*)\?\)$/.exec(more.join(' '))?.[1];
  return meant === undefined ? what!.replace(/\.?$/, '.') : `${what}; did you mean ${meant}?`;
}

function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  return error instanceof UsageError ? 2 : 1;
}
