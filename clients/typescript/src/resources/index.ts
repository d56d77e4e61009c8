// Generated from the contract by `make clients`; do not edit.

import type { Caller } from '../calls.js';
import { Apps } from './apps.js';
import { AuditTrail } from './auditTrail.js';
import { ControlPlane } from './controlPlane.js';
import { Devices } from './devices.js';
import { Epcr } from './epcr.js';
import { EventLog } from './eventLog.js';
import { Graphql } from './graphql.js';
import { Indicators } from './indicators.js';
import { IntegrationRequests } from './integrationRequests.js';
import { Oauth } from './oauth.js';
import { Operations } from './operations.js';
import { People } from './people.js';
import { Saml } from './saml.js';
import { Sandboxes } from './sandboxes.js';
import { StoppedAutomations } from './stoppedAutomations.js';
import { StoppedDeliveries } from './stoppedDeliveries.js';
import { Tenants } from './tenants.js';
import { Webhooks } from './webhooks.js';

export type * from './apps.js';
export type * from './auditTrail.js';
export type * from './controlPlane.js';
export type * from './devices.js';
export type * from './epcr.js';
export type * from './eventLog.js';
export type * from './graphql.js';
export type * from './indicators.js';
export type * from './integrationRequests.js';
export type * from './oauth.js';
export type * from './operations.js';
export type * from './people.js';
export type * from './saml.js';
export type * from './sandboxes.js';
export type * from './stoppedAutomations.js';
export type * from './stoppedDeliveries.js';
export type * from './tenants.js';
export type * from './webhooks.js';

/** The operations of a client, by the part of the platform. */
export class Resources {
  /**
   * An administrator registers an app for each system that calls the platform, approves its scopes, and manages its
   * secrets and service tokens.
   */
  readonly apps: Apps;
  /**
   * The people of an organisation: their roles, invitations, sessions and second factors. A person's role bounds what
   * apps may do in their name.
   */
  readonly people: People;
  /** Some capabilities are opened on request. An organisation asks here; Knogin's operators decide. */
  readonly integrationRequests: IntegrationRequests;
  /** For operators of the platform, as the calls of operations: all tenants, and their integration requests. */
  readonly tenants: Tenants;
  /**
   * An organisation makes sandboxes by itself: each has invented data of a year, and scenarios to try programs with.
   * Data of real patients do not belong there.
   */
  readonly sandboxes: Sandboxes;
  /** OAuth 2.0: an app gets a token here, for itself or in a person's name, and sends it with each call. */
  readonly oauth: Oauth;
  /** Federation: the people of an organisation sign in through its own identity provider. */
  readonly saml: Saml;
  /** Subscriptions to events. Each event is delivered by a signed POST, and repeated until the receiver answers 2xx. */
  readonly webhooks: Webhooks;
  /** Events to fetch: lists for back-fill, and consumers for systems that receive nothing from outside. */
  readonly eventLog: EventLog;
  /** For operators of the platform, as the calls of operations: organisations and webhooks to which nothing is sent. */
  readonly stoppedDeliveries: StoppedDeliveries;
  /** Incidents, quality indicators and telephony, through approved GraphQL documents. */
  readonly graphql: Graphql;
  /**
   * The quality indicators as FHIR MeasureReports, and reports that are made once or by a schedule. `acqiMetrics` of
   * GraphQL has the same figures with confidence intervals and trends.
   */
  readonly indicators: Indicators;
  /**
   * Electronic patient care records: made by dispatch systems, read de-identified, exported as FHIR R4. A destination
   * reads who the patient is, and reports the outcome.
   */
  readonly epcr: Epcr;
  /** Medical devices and their observations, in the terms of IEEE 11073. */
  readonly devices: Devices;
  /** Signed integration packages: their versions and releases, the marketplace, automations and edge agents. */
  readonly controlPlane: ControlPlane;
  /** For operators of the platform, as the calls of operations: automations that they stopped. */
  readonly stoppedAutomations: StoppedAutomations;
  /**
   * The trail of actions: actor, action, object, app, time and trace. Each service has a trail of its own: `auth`,
   * `webhook-dispatcher`, `graphql-api`, `epcr`, `device-ingest` and `control-plane`. An organisation reads its own
   * entries.
   */
  readonly auditTrail: AuditTrail;
  /**
   * For operators of the platform: people of Knogin's own tenant, after a sign-in with a second factor. No organisation
   * can get these scopes. An act is written down with its reason, carried out by the service within seconds, and in the
   * audit trail of the platform and of the organisation that it concerns.
   */
  readonly operations: Operations;

  constructor(caller: Caller) {
    this.apps = new Apps(caller);
    this.people = new People(caller);
    this.integrationRequests = new IntegrationRequests(caller);
    this.tenants = new Tenants(caller);
    this.sandboxes = new Sandboxes(caller);
    this.oauth = new Oauth(caller);
    this.saml = new Saml(caller);
    this.webhooks = new Webhooks(caller);
    this.eventLog = new EventLog(caller);
    this.stoppedDeliveries = new StoppedDeliveries(caller);
    this.graphql = new Graphql(caller);
    this.indicators = new Indicators(caller);
    this.epcr = new Epcr(caller);
    this.devices = new Devices(caller);
    this.controlPlane = new ControlPlane(caller);
    this.stoppedAutomations = new StoppedAutomations(caller);
    this.auditTrail = new AuditTrail(caller);
    this.operations = new Operations(caller);
  }
}
