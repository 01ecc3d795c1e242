/** Asks the collector, with the token that was given, and asks for one where the collector wants it. */

const KEY = 'sluice-token';

/** The answer to a GET, as JSON. Throws where there is none. */
export async function ask(path) {
  const response = await open(path);
  return response.json();
}

/** A response whose body is to be read as it comes. */
export async function open(path, signal) {
  for (;;) {
    const token = sessionStorage.getItem(KEY);
    const headers = token === null ? {} : { authorization: `Bearer ${token}` };
    const response = await fetch(path, { headers, signal, cache: 'no-store' });
    if (response.ok) return response;
    if (response.status !== 401) throw new Error(`${path}: ${response.status}`);
    await tokenGiven(token);
  }
}

let asking;

/** Resolves when there is another token than the one that was refused. Several askers share one dialog. */
function tokenGiven(refused) {
  if (sessionStorage.getItem(KEY) !== refused) return Promise.resolve();
  asking ??= new Promise(resolve => {
    const dialog = document.getElementById('token-dialog');
    const field = document.getElementById('token');
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
