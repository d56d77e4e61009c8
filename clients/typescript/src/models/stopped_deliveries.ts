// Generated from the contract by `make clients`; do not edit.

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
