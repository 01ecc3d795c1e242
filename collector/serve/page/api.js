/** Asks the collector, with the token that was given, and asks for one where the collector wants it. */

const KEY = 'sluice-token';

/** The answer to a GET, as JSON. Throws where there is none. */
export async function ask(path) {
  const response = await open(path);
  return response.json();
}

/** The JSON of a page and of all that its Link leads to, `most` pages at most. */
export async function askPages(path, most) {
  const pages = [];
  for (let next = path; next !== undefined && pages.length < most; ) {
    const response = await open(next);
    pages.push(await response.json());
    const query = /<(\?.*)>; rel="next"/.exec(response.headers.get('link') ?? '')?.[1];
    next = query && next.replace(/\?.*|$/, query);
  }
  return pages;
}

/** A response whose body is to be read as it comes. */
export async function open(path, signal) {
  for (;;) {
    const token = sessionStorage.getItem(KEY);
    const headers = token === null ? {} : { authorization: `Bearer ${token}` };
    // What has not changed is not sent again.
    const response = await fetch(path, { headers, signal, cache: 'no-cache' });
    if (response.ok) return response;
    const refused = response.status === 401 || (response.status === 403 && token !== null);
    if (!refused) throw new Error(`${path}: ${response.status}`);
    await tokenGiven(token, response.status);
  }
}

/** Does something again and again, and never twice at once: while a token is asked for, nothing piles up. */
export async function every(ms, task) {
  for (;;) {
    await task();
    await new Promise(resolve => setTimeout(resolve, ms));
  }
}

let asking;

/** Resolves when there is another token than the one that was refused. Several askers share one dialog. */
function tokenGiven(refused, status) {
  if (sessionStorage.getItem(KEY) !== refused) return Promise.resolve();
  asking ??= new Promise(resolve => {
    const dialog = document.getElementById('token-dialog');
    const field = document.getElementById('token');
    document.getElementById('token-text').textContent = textFor(refused, status);
    dialog.addEventListener(
      'close',
      () => {
        sessionStorage.setItem(KEY, field.value.trim());
        field.value = '';
        asking = undefined;
        resolve();
      },
      { once: true },
    );
    dialog.showModal();
  });
  return asking;
}

function textFor(refused, status) {
  if (status === 403) return 'This token has not the right to read. Give one that has.';
  if (refused !== null)
    return 'The collector does not know this token. Give another one, with the right to read.';
  return 'This collector shows its readings to those who have a token with the right to read.';
}
