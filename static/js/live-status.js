/** What a live part of the page says about itself, in words, in its `role="status"` element. */
export const WORDS = {
  live: 'Live: new words appear by themselves',
  reconnecting: 'Reconnecting',
  polling: 'Checking for new words every few seconds',
  stale: 'Not up to date: the connection is lost. Trying again',
  gone: 'This ticket is no longer shown to you. Reload the page',
};

export function say(status, state) {
  if (status.dataset.state === state) return;
  status.dataset.state = state;
  status.textContent = WORDS[state];
}
