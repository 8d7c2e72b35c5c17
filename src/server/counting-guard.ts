import type { LoginGuard, LoginOutcome } from '../store/accounts/types.ts';

/** The guard as the listeners use it: each answer to a client's login is told. */
export function countingGuard(guard: LoginGuard, count: (outcome: LoginOutcome) => void): LoginGuard {
  return {
    isRefused: (address, password) => guard.isRefused(address, password),
    refused: (address, password) => guard.refused(address, password),
    accepted: (address, password) => guard.accepted(address, password),
    onAccepted: listener => guard.onAccepted(listener),
    attempt: async (address, password, login) => {
      try {
        const outcome = await guard.attempt(address, password, login);
        count(outcome);
        return outcome;
      } catch (error) {
        count('unavailable');
        throw error;
      }
    },
  };
}
