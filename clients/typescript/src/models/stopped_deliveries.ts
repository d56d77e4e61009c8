// Generated from the contract by `make clients`; do not edit.

/**
 * A webhook of any organisation: enough to know whose it is. Of its address the host alone, because the rest may hold a
 * secret.
 *
 * `act_id` and `reason` are those of the act that stopped it, where `disabled_reason` is `stopped_by_operator`.
 */
export interface OperatorWebhook {
  /** The webhook */
  webhook_id: string;
  /** The id of the organisation */
  tenant_id: string;
  /** The id of the app, such as `app_01jdk…` */
  client_id: string;
  /** The host of its address. The rest is not shown, because it may hold a secret */
  host: string;
  /** Whether it works; false stops it */
  enabled: boolean;
  /** Why it was stopped, such as `failing` or `gone`; null while it works */
  disabled_reason: string | null;
  /** When it was stopped; null while it works */
  disabled_at: string | null;
  /** The act that stopped it; null if no operator did */
  act_id: string | null;
  /** The operator's reason, which the organisation reads too */
  reason: string | null;
}

/** An organisation of which nothing is sent, since the act `act_id`. */
export interface StoppedTenant {
  /** The id of the organisation */
  tenant_id: string;
  /** The act that stopped them */
  act_id: string;
  /** The operator's reason */
  reason: string;
  /** Since when */
  stopped_at: string;
}

/** A page of organisations whose deliveries are stopped */
export interface StoppedTenants {
  /** The organisations of this page, by id */
  stopped_tenants: StoppedTenant[];
  /** The `cursor` of the next page; null on the last one */
  next_cursor: string | null;
}

/** A page of webhooks that operators stopped */
export interface StoppedWebhooks {
  /** The webhooks of this page, newest first */
  stopped_webhooks: OperatorWebhook[];
  /** The `cursor` of the next page; null on the last one */
  next_cursor: string | null;
}
