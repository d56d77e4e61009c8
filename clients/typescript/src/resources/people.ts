// Generated from the contract by `make clients`; do not edit.

import type { Caller, CallOptions, KeyedOptions, PageOptions } from '../calls.js';
import type * as models from '../models/index.js';
import type { Pages } from '../paging.js';

/** The options of `listUsers`. */
export interface ListUsersOptions extends PageOptions {
  /** A part of the name or of the e-mail address */
  search?: string;
  /** Only people with this role */
  role?: 'administrator' | 'auditor' | 'integrator' | 'operator' | 'quality_officer';
  /** Only people in this state */
  status?: 'active' | 'disabled';
  /** Only people with a second factor, or only those without */
  secondFactor?: boolean;
  /** Only people who sign in through the identity provider, or only others */
  federated?: boolean;
}

/** The options of `leaveUser`. */
export interface LeaveUserOptions extends CallOptions {
  /** Count without ending anything */
  dryRun?: boolean;
}

/** The options of `listInvitations`. */
export interface ListInvitationsOptions extends PageOptions {
  /** Only invitations in this state */
  status?: 'accepted' | 'expired' | 'pending' | 'withdrawn';
}

/**
 * The people of an organisation: their roles, invitations, sessions and second factors. A person's role bounds what
 * apps may do in their name.
 */
export class People {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  /**
   * List roles.
   *
   * The roles that people can have, and the scopes that an app may get in their names.
   */
  listRoles(options: CallOptions = {}): Promise<models.people.Roles> {
    return this.#caller.value({
      operation: { id: 'listRoles', method: 'GET', path: '/v1/platform/roles', answers: { 200: 'object' } },
      options,
    });
  }

  /**
   * List people.
   *
   * Newest first.
   *
   * Scope: `platform:people:read`.
   */
  listUsers(options: ListUsersOptions = {}): Pages<models.people.User> {
    return this.#caller.pages({
      operation: { id: 'listUsers', method: 'GET', path: '/v1/platform/users', answers: { 200: 'object' } },
      query: {
        limit: options.limit,
        cursor: options.cursor,
        search: options.search,
        role: options.role,
        status: options.status,
        second_factor: options.secondFactor,
        federated: options.federated,
      },
      options,
      page: 'users',
    });
  }

  /**
   * Inspect a person.
   *
   * With their role, how they sign in, and when they did last.
   *
   * Scope: `platform:people:read`.
   *
   * @param userId - The person's id
   */
  getUser(userId: string, options: CallOptions = {}): Promise<models.people.User> {
    return this.#caller.value({
      operation: { id: 'getUser', method: 'GET', path: '/v1/platform/users/{user_id}', answers: { 200: 'object' } },
      path: [userId],
      options,
    });
  }

  /**
   * Change a person's role.
   *
   * Nobody gives more than they may do themselves. A role that allows less ends the person's sessions, and the grants
   * and service tokens that exceed it.
   *
   * Scope: `platform:people:write`.
   *
   * @param userId - The person's id
   */
  changeUserRole(
    userId: string,
    body: models.people.RoleChange,
    options: CallOptions = {},
  ): Promise<models.people.AccessChanged> {
    return this.#caller.value({
      operation: {
        id: 'changeUserRole',
        method: 'PUT',
        path: '/v1/platform/users/{user_id}/role',
        answers: { 200: 'object' },
        body: 'json',
      },
      path: [userId],
      body,
      options,
    });
  }

  /**
   * Take a leaver's access away.
   *
   * Refuses the person from now on, and ends sessions, grants, refresh tokens, service tokens that they minted and
   * invitations that they sent, all or nothing. `?dry_run=true` changes nothing and counts them.
   *
   * Scope: `platform:people:write`.
   *
   * @param userId - The person's id
   */
  leaveUser(userId: string, options: LeaveUserOptions = {}): Promise<models.people.AccessChanged> {
    return this.#caller.value({
      operation: {
        id: 'leaveUser',
        method: 'POST',
        path: '/v1/platform/users/{user_id}/leave',
        answers: { 200: 'object' },
      },
      path: [userId],
      query: { dry_run: options.dryRun },
      options,
    });
  }

  /**
   * Let a person in again.
   *
   * They sign in as before. What ended stays ended.
   *
   * Scope: `platform:people:write`.
   *
   * @param userId - The person's id
   */
  enableUser(userId: string, options: CallOptions = {}): Promise<models.people.User> {
    return this.#caller.value({
      operation: {
        id: 'enableUser',
        method: 'POST',
        path: '/v1/platform/users/{user_id}/enable',
        answers: { 200: 'object' },
      },
      path: [userId],
      options,
    });
  }

  /**
   * Reset a person's second factor.
   *
   * For a lost phone: the authenticator app and the recovery codes go, and the person's sessions end.
   *
   * Scope: `platform:people:write`.
   *
   * @param userId - The person's id
   */
  resetSecondFactor(userId: string, options: CallOptions = {}): Promise<models.people.AccessChanged> {
    return this.#caller.value({
      operation: {
        id: 'resetSecondFactor',
        method: 'POST',
        path: '/v1/platform/users/{user_id}/reset-second-factor',
        answers: { 200: 'object' },
      },
      path: [userId],
      options,
    });
  }

  /**
   * List a person's sessions.
   *
   * Those that have not ended, newest first.
   *
   * Scope: `platform:people:read`.
   *
   * @param userId - The person's id
   */
  listUserSessions(userId: string, options: PageOptions = {}): Pages<models.people.UserSession> {
    return this.#caller.pages({
      operation: {
        id: 'listUserSessions',
        method: 'GET',
        path: '/v1/platform/users/{user_id}/sessions',
        answers: { 200: 'object' },
      },
      path: [userId],
      query: { limit: options.limit, cursor: options.cursor },
      options,
      page: 'sessions',
    });
  }

  /**
   * End all sessions of a person.
   *
   * Also ends the access of Knogin's own apps, such as the console. Other apps keep the access that the person gave
   * them.
   *
   * Scope: `platform:people:write`.
   *
   * @param userId - The person's id
   */
  endUserSessions(userId: string, options: CallOptions = {}): Promise<models.people.AccessChanged> {
    return this.#caller.value({
      operation: {
        id: 'endUserSessions',
        method: 'DELETE',
        path: '/v1/platform/users/{user_id}/sessions',
        answers: { 200: 'object' },
      },
      path: [userId],
      options,
    });
  }

  /**
   * End a session of a person.
   *
   * In that browser the person must sign in again.
   *
   * Scope: `platform:people:write`.
   *
   * @param userId - The person's id
   * @param sessionId - The session's id, such as `ses_01jdk…`
   */
  endUserSession(userId: string, sessionId: string, options: CallOptions = {}): Promise<void> {
    return this.#caller.value({
      operation: {
        id: 'endUserSession',
        method: 'DELETE',
        path: '/v1/platform/users/{user_id}/sessions/{session_id}',
        answers: { 204: 'none' },
      },
      path: [userId, sessionId],
      options,
    });
  }

  /**
   * Invite a person.
   *
   * Sends a mail with a link that is good once, for seven days; there the person chooses name and password. The answer
   * is the same where the address has an account in another organisation. Nobody gives more than they may do
   * themselves.
   *
   * Scope: `platform:people:write`.
   */
  createInvitation(body: models.people.InvitationDraft, options: KeyedOptions = {}): Promise<models.people.Invitation> {
    return this.#caller.value({
      operation: {
        id: 'createInvitation',
        method: 'POST',
        path: '/v1/platform/invitations',
        answers: { 201: 'object' },
        body: 'json',
        keyed: true,
      },
      headers: { 'Idempotency-Key': options.idempotencyKey },
      body,
      options,
    });
  }

  /**
   * List invitations.
   *
   * Newest first, until 90 days after they expire.
   *
   * Scope: `platform:people:read`.
   */
  listInvitations(options: ListInvitationsOptions = {}): Pages<models.people.Invitation> {
    return this.#caller.pages({
      operation: { id: 'listInvitations', method: 'GET', path: '/v1/platform/invitations', answers: { 200: 'object' } },
      query: { limit: options.limit, cursor: options.cursor, status: options.status },
      options,
      page: 'invitations',
    });
  }

  /**
   * Inspect an invitation.
   *
   * With the state of its last mail.
   *
   * Scope: `platform:people:read`.
   *
   * @param invitationId - The invitation's id, such as `inv_01jdk…`
   */
  getInvitation(invitationId: string, options: CallOptions = {}): Promise<models.people.Invitation> {
    return this.#caller.value({
      operation: {
        id: 'getInvitation',
        method: 'GET',
        path: '/v1/platform/invitations/{invitation_id}',
        answers: { 200: 'object' },
      },
      path: [invitationId],
      options,
    });
  }

  /**
   * Resend an invitation.
   *
   * Sends a new link, good for seven days; the one before is void. At most every five minutes.
   *
   * Scope: `platform:people:write`.
   *
   * @param invitationId - The invitation's id, such as `inv_01jdk…`
   */
  resendInvitation(invitationId: string, options: KeyedOptions = {}): Promise<models.people.Invitation> {
    return this.#caller.value({
      operation: {
        id: 'resendInvitation',
        method: 'POST',
        path: '/v1/platform/invitations/{invitation_id}/resend',
        answers: { 200: 'object' },
        keyed: true,
      },
      path: [invitationId],
      headers: { 'Idempotency-Key': options.idempotencyKey },
      options,
    });
  }

  /**
   * Withdraw an invitation.
   *
   * Its link is void at once.
   *
   * Scope: `platform:people:write`.
   *
   * @param invitationId - The invitation's id, such as `inv_01jdk…`
   */
  withdrawInvitation(invitationId: string, options: CallOptions = {}): Promise<models.people.Invitation> {
    return this.#caller.value({
      operation: {
        id: 'withdrawInvitation',
        method: 'POST',
        path: '/v1/platform/invitations/{invitation_id}/withdraw',
        answers: { 200: 'object' },
      },
      path: [invitationId],
      options,
    });
  }
}
