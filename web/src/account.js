// Who is signed in. The token lives in this page's memory only: a reload signs out, and no script finds it in storage.
import { create } from 'zustand';

export const useAccount = create(() => null);

export function authorization() {
  const account = useAccount.getState();
  return account ? { authorization: `Bearer ${account.token}` } : {};
}

export function signOut() {
  useAccount.setState(null, true);
}

/** Signs in. Throws an Error whose message is meant to be shown. */
export async function signIn(email, password) {
  const response = await fetch('/api/auth/login', {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json' },
    body: JSON.stringify({ email, password }),
  }).catch(() => {
    throw new Error('The server does not answer.');
  });
  const answer = await response.json().catch(() => null);
  if (response.ok && typeof answer?.token === 'string') {
    useAccount.setState({ token: answer.token, name: answer.user?.email ?? email }, true);
  } else {
    throw new Error(refusal(response.status, answer));
  }
}

function refusal(status, answer) {
  const said = answer?.errors?.[0]?.message ?? answer?.error?.message ?? answer?.message ?? answer?.error;
  if (typeof said === 'string') return said;
  if (status === 404 || status === 501) return 'This server has no sign-in.';
  return status === 401 ? 'E-mail address or password is wrong.' : `The server refused: HTTP ${status}.`;
}
