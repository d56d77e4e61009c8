// Generated from the contract by `make clients`; do not edit.

/** The version of this package. */
export const VERSION: string = '1.0.0';
/** The version of the contract that it was made from. */
export const CONTRACT: string = '2026.2';
