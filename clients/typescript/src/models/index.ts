// Generated from the contract by `make clients`; do not edit.

export type * as acqi from './acqi.js';
export type * as apps from './apps.js';
export type * as audit from './audit.js';
export type * as devices from './devices.js';
export type * as epcr from './epcr.js';
export type * as events from './events.js';
export type * as graphql from './graphql.js';
export type * as log from './log.js';
export type * as oauth from './oauth.js';
export type * as operations from './operations.js';
export type * as people from './people.js';
export type * as platform from './platform.js';
export type * as requests from './requests.js';
export type * as saml from './saml.js';
export type * as sandboxes from './sandboxes.js';
export type * as stopped_automations from './stopped_automations.js';
export type * as stopped_deliveries from './stopped_deliveries.js';
export type * as tenants from './tenants.js';
export type * as webhooks from './webhooks.js';
