/** A text: one of `Known` today. A later contract may add others. */
export type Open<Known extends string> = Known | (string & {});

/** A text that this version does not know. It is a type alone: compare it as a `string`. */
export declare enum UnknownValue {
  unknown = '',
}

/** A member of a union that a later contract added; `Tag` says which one it is. */
export type UnknownMember<Tag extends string> = { [tag in Tag]: UnknownValue } & { [member: string]: unknown };
