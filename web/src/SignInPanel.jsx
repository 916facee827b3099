import { Button } from '@graphiql/react';
import { useState } from 'react';
import { signIn, signOut, useAccount } from './account.js';

function SignIn() {
  const account = useAccount();
  return (
    <section className="panel">
      <h2>Sign in</h2>
      {account ? <SignedIn name={account.name} /> : <Form />}
    </section>
  );
}

function SignedIn({ name }) {
  return (
    <>
      <p role="status">Signed in as {name}. Every request of this page carries the token; a reload signs out.</p>
      <Button type="button" onClick={signOut}>
        Sign out
      </Button>
    </>
  );
}

function Form() {
  const [fault, setFault] = useState('');
  const [busy, setBusy] = useState(false);

  async function submit(event) {
    event.preventDefault();
    const fields = new FormData(event.currentTarget);
    setBusy(true);
    setFault('');
    try {
      await signIn(fields.get('email'), fields.get('password'));
    } catch (error) {
      setFault(error.message);
      setBusy(false);
    }
  }

  return (
    <form className="sign-in" onSubmit={submit}>
      <p>Searching and buying need no account. With one, requests carry your token, which stays in this page’s memory.</p>
      <label>
        E-mail
        <input name="email" type="email" autoComplete="username" required />
      </label>
      <label>
        Password
        <input name="password" type="password" autoComplete="current-password" required />
      </label>
      <Button type="submit" disabled={busy}>
        {busy ? 'Signing in…' : 'Sign in'}
      </Button>
      <p role="alert" className="fault">
        {fault}
      </p>
    </form>
  );
}

const Icon = () => (
  <svg viewBox="0 0 24 24" fill="none" stroke="currentColor" strokeWidth="1.5" strokeLinecap="round">
    <circle cx="12" cy="8" r="4" />
    <path d="M4 21a8 8 0 0 1 16 0" />
  </svg>
);

export const signInPanel = { title: 'Sign in', icon: Icon, content: SignIn };
