/** The time-line page of a run: one file with all in it, that opens without a network. */
import { readFileSync, writeFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { join } from 'node:path';
import { readJournal } from '../../lab/journal/reader.ts';
import { type PageData, TimelineBuilder } from './data.ts';

/** Of a run's folder: writes `timeline.html` there and gives its path. Throws what reading a journal throws. */
export async function writeTimeline(runDir: string): Promise<string> {
  const builder = new TimelineBuilder();
  for await (const event of readJournal(runDir)) builder.add(event);
  const path = join(runDir, 'timeline.html');
  writeFileSync(path, timelinePage(builder.build()));
  return path;
}

export function timelinePage(data: PageData): string {
  const own = (name: string) => readFileSync(join(import.meta.dirname, name), 'utf8');
  const script = stripTypeScriptTypes(own('client.ts'), { mode: 'strip' });
  // What a board has said may look like the end of a script, or of a comment around it.
  const json = JSON.stringify(data)
    .replaceAll('<', '\\u003c')
    .replaceAll('\u2028', '\\u2028')
    .replaceAll('\u2029', '\\u2029');
  const title = `time line of ${data.run || 'a run'}`.replace(/[<>&"]/g, '');
  return own('page.html')
    .replaceAll('{{title}}', () => title)
    .replace('{{style}}', () => own('page.css'))
    .replace('{{data}}', () => json)
    .replace('{{script}}', () => script);
}
