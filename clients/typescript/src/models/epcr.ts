// Generated from the contract by `make clients`; do not edit.

import type { Open } from '../types.js';

/** A postal address, and a place on the map */
export interface Address {
  /** Street and house number, in lines */
  line?: readonly string[];
  /** The city */
  city?: string | null;
  /** The state or province */
  state?: string | null;
  /** The postal code */
  postal_code?: string | null;
  /** The country, ISO 3166-1 alpha-2, such as `IT` */
  country?: string | null;
  /** The latitude, WGS 84, in degrees */
  latitude?: number | null;
  /** The longitude, WGS 84, in degrees */
  longitude?: number | null;
}

/**
 * One attempt at an advanced airway: its success, and the vital signs around it. `lowest` is of the attempt and three
 * minutes after.
 */
export interface AirwayAttempt {
  /** The id */
  id?: string | null;
  /** Whether the entry was withdrawn as an error */
  entered_in_error?: boolean;
  /** When the attempt began */
  attempted_at: string;
  /** When it ended; null while it lasts */
  ended_at?: string | null;
  /** The airway device */
  device: 'endotracheal_tube' | 'supraglottic_airway' | 'surgical_airway';
  /** How the device was placed */
  technique?: 'blind' | 'direct_laryngoscopy' | 'front_of_neck' | 'video_laryngoscopy' | null;
  /** Whether drugs were given for the attempt */
  drug_assisted?: boolean | null;
  /** Whether it was done before the crew arrived */
  prior_to_arrival?: boolean | null;
  /** Whether the attempt succeeded */
  successful?: boolean | null;
  /** How the position was confirmed */
  confirmed_by?: 'auscultation' | 'colorimetric_co2' | 'direct_vision' | 'waveform_capnography' | null;
  /** Oxygen saturation before the attempt, `%` */
  spo2_before?: number | null;
  /** Lowest oxygen saturation during the attempt and three minutes after, `%` */
  spo2_lowest?: number | null;
  /** Systolic pressure before the attempt, `mm[Hg]` */
  systolic_before?: number | null;
  /** Lowest systolic pressure during the attempt and three minutes after, `mm[Hg]` */
  systolic_lowest?: number | null;
  /** Free text. It is encrypted, and in no de-identified answer */
  comment?: string | null;
}

/**
 * One attempt at an advanced airway: its success, and the vital signs around it. `lowest` is of the attempt and three
 * minutes after.
 */
export interface AirwayAttemptsView {
  /** The id */
  id?: string;
  /** Whether the entry was withdrawn as an error */
  entered_in_error?: boolean;
  /** When the attempt began */
  attempted_at?: string;
  /** When it ended; null while it lasts */
  ended_at?: string;
  /** The airway device */
  device?: Open<'endotracheal_tube' | 'supraglottic_airway' | 'surgical_airway'>;
  /** How the device was placed */
  technique?: Open<'blind' | 'direct_laryngoscopy' | 'front_of_neck' | 'video_laryngoscopy'>;
  /** Whether drugs were given for the attempt */
  drug_assisted?: boolean;
  /** Whether it was done before the crew arrived */
  prior_to_arrival?: boolean;
  /** Whether the attempt succeeded */
  successful?: boolean;
  /** How the position was confirmed */
  confirmed_by?: Open<'auscultation' | 'colorimetric_co2' | 'direct_vision' | 'waveform_capnography'>;
  /** Oxygen saturation before the attempt, `%` */
  spo2_before?: number;
  /** Lowest oxygen saturation during the attempt and three minutes after, `%` */
  spo2_lowest?: number;
  /** Systolic pressure before the attempt, `mm[Hg]` */
  systolic_before?: number;
  /** Lowest systolic pressure during the attempt and three minutes after, `mm[Hg]` */
  systolic_lowest?: number;
}

/** SNOMED CT: findings, procedures, routes, sites. */
export interface AllergiesReactionsView {
  /** The code system's URI or short name */
  system?: 'http://snomed.info/sct';
  /** The code within the code system */
  code?: string;
}

/**
 * RxNorm, ATC or SNOMED CT; for a drug or substance whose code the crew does not know, their words alone, as `display`.
 */
export interface AllergiesSubstanceView {
  /** The code system's URI or short name */
  system?: Open<'http://www.nlm.nih.gov/research/umls/rxnorm' | 'http://www.whocc.no/atc' | 'http://snomed.info/sct'>;
  /** The code within the code system */
  code?: string;
}

/**
 * An allergy or intolerance to a substance or drug. A de-identified answer has no `substance` where the crew knew it in
 * words alone.
 */
export interface AllergiesView {
  /** The id */
  id?: string;
  /** Whether the entry was withdrawn as an error */
  entered_in_error?: boolean;
  substance?: AllergiesSubstanceView;
  /** An allergy, or an intolerance */
  kind?: Open<'allergy' | 'intolerance'>;
  /** The kind of substance */
  category?: Open<'biologic' | 'environment' | 'food' | 'medication'>;
  /** How certain it is */
  certainty?: Open<'confirmed' | 'refuted' | 'unconfirmed'>;
  /** The potential for harm of a later exposure */
  criticality?: Open<'high' | 'low' | 'unable_to_assess'>;
  /** The reactions, SNOMED CT */
  reactions?: AllergiesReactionsView[];
  /** The severity of the worst reaction */
  severity?: Open<'mild' | 'moderate' | 'severe'>;
  /** The person or record that it comes from */
  informant?: Open<'bystander' | 'caregiver' | 'family' | 'health_professional' | 'patient' | 'records'>;
}

/**
 * An allergy or intolerance to a substance or drug. A de-identified answer has no `substance` where the crew knew it in
 * words alone.
 */
export interface Allergy {
  /** The id */
  id?: string | null;
  /** Whether the entry was withdrawn as an error */
  entered_in_error?: boolean;
  substance: Drug;
  /** An allergy, or an intolerance */
  kind?: 'allergy' | 'intolerance' | null;
  /** The kind of substance */
  category?: 'biologic' | 'environment' | 'food' | 'medication' | null;
  /** How certain it is */
  certainty?: 'confirmed' | 'refuted' | 'unconfirmed' | null;
  /** The potential for harm of a later exposure */
  criticality?: 'high' | 'low' | 'unable_to_assess' | null;
  /** The reactions, SNOMED CT */
  reactions?: readonly Clinical[];
  /** The severity of the worst reaction */
  severity?: 'mild' | 'moderate' | 'severe' | null;
  /** The person or record that it comes from */
  informant?: 'bystander' | 'caregiver' | 'family' | 'health_professional' | 'patient' | 'records' | null;
  /** Free text. It is encrypted, and in no de-identified answer */
  comment?: string | null;
}

/**
 * The Apgar score of a newborn patient, one, five or ten minutes after the birth: the total, its five parts, or both.
 */
export interface Apgar {
  /** The id */
  id?: string | null;
  /** Whether the entry was withdrawn as an error */
  entered_in_error?: boolean;
  /** When the newborn was scored */
  scored_at?: string | null;
  /** The minute after the birth: 1, 5 or 10 */
  minute: 1 | 5 | 10;
  /** The total of the five parts, 0 to 10 */
  total?: number | null;
  /** The colour of the skin, 0 to 2 */
  appearance?: number | null;
  /** The heart rate, 0 to 2 */
  pulse?: number | null;
  /** The reflexes, 0 to 2 */
  grimace?: number | null;
  /** The muscle tone, 0 to 2 */
  activity?: number | null;
  /** The effort of breathing, 0 to 2 */
  respiration?: number | null;
}

/**
 * The Apgar score of a newborn patient, one, five or ten minutes after the birth: the total, its five parts, or both.
 */
export interface ApgarView {
  /** The id */
  id?: string;
  /** Whether the entry was withdrawn as an error */
  entered_in_error?: boolean;
  /** The minute after the birth: 1, 5 or 10 */
  minute?: 1 | 5 | 10;
  /** The total of the five parts, 0 to 10 */
  total?: number;
  /** The colour of the skin, 0 to 2 */
  appearance?: number;
  /** The heart rate, 0 to 2 */
  pulse?: number;
  /** The reflexes, 0 to 2 */
  grimace?: number;
  /** The muscle tone, 0 to 2 */
  activity?: number;
  /** The effort of breathing, 0 to 2 */
  respiration?: number;
}

/** Out-of-hospital cardiac arrest in Utstein terms. */
export interface Arrest {
  /** Whether resuscitation was attempted */
  resuscitation_attempted?: boolean | null;
  /** The cause of the arrest */
  aetiology?:
    | 'drowning'
    | 'electrocution'
    | 'exsanguination'
    | 'other'
    | 'overdose'
    | 'presumed_cardiac'
    | 'respiratory'
    | 'trauma'
    | null;
  /** The person who witnessed the arrest */
  witnessed?: 'bystander' | 'ems' | 'unwitnessed' | null;
  /** When the arrest began */
  arrested_at?: string | null;
  /** Whether a bystander gave CPR */
  bystander_cpr?: boolean | null;
  /** Whether a bystander used a defibrillator */
  bystander_aed?: boolean | null;
  /** When CPR began */
  cpr_started_at?: string | null;
  /** The first rhythm that was seen */
  initial_rhythm?: 'asystole' | 'non_shockable_unknown' | 'pea' | 'pulseless_vt' | 'shockable_unknown' | 'vf' | null;
  /** When the first shock was given */
  first_shock_at?: string | null;
  /** How many shocks were given */
  shocks?: number | null;
  /** Whether circulation returned */
  rosc?: boolean | null;
  /** When circulation returned */
  rosc_at?: string | null;
  /** Whether there was circulation at the handover */
  rosc_at_handover?: boolean | null;
  /** Whether there is an order not to resuscitate */
  dnar?: boolean | null;
  /** Whether death was recognised without resuscitation */
  recognised_dead?: boolean | null;
  /** When the efforts ended */
  ended_at?: string | null;
  /** Whether the patient left hospital alive */
  survived_to_discharge?: boolean | null;
  /** Cerebral Performance Category, from 1 (good) to 5 */
  cpc?: number | null;
  /** Free text. It is encrypted, and in no de-identified answer */
  comment?: string | null;
}

/** Out-of-hospital cardiac arrest in Utstein terms. */
export interface ArrestView {
  /** Whether resuscitation was attempted */
  resuscitation_attempted?: boolean;
  /** The cause of the arrest */
  aetiology?: Open<
    | 'drowning'
    | 'electrocution'
    | 'exsanguination'
    | 'other'
    | 'overdose'
    | 'presumed_cardiac'
    | 'respiratory'
    | 'trauma'
  >;
  /** The person who witnessed the arrest */
  witnessed?: Open<'bystander' | 'ems' | 'unwitnessed'>;
  /** When the arrest began */
  arrested_at?: string;
  /** Whether a bystander gave CPR */
  bystander_cpr?: boolean;
  /** Whether a bystander used a defibrillator */
  bystander_aed?: boolean;
  /** When CPR began */
  cpr_started_at?: string;
  /** The first rhythm that was seen */
  initial_rhythm?: Open<'asystole' | 'non_shockable_unknown' | 'pea' | 'pulseless_vt' | 'shockable_unknown' | 'vf'>;
  /** When the first shock was given */
  first_shock_at?: string;
  /** How many shocks were given */
  shocks?: number;
  /** Whether circulation returned */
  rosc?: boolean;
  /** When circulation returned */
  rosc_at?: string;
  /** Whether there was circulation at the handover */
  rosc_at_handover?: boolean;
  /** Whether there is an order not to resuscitate */
  dnar?: boolean;
  /** Whether death was recognised without resuscitation */
  recognised_dead?: boolean;
  /** When the efforts ended */
  ended_at?: string;
  /** Whether the patient left hospital alive */
  survived_to_discharge?: boolean;
  /** Cerebral Performance Category, from 1 (good) to 5 */
  cpc?: number;
}

/** An encounter that is bound for a destination of your app. */
export interface Arrival {
  /** The encounter that it belongs to */
  encounter_id: string;
  /** The destination's id, such as `dst_01jdk…` */
  destination_id: string;
  /** The status of the encounter */
  status: string;
  /** When the encounter was bound for the destination */
  named_at: string;
  /** The end of the reading, exclusive */
  readable_until: string;
}

/** A page of arrivals */
export interface Arrivals {
  /** The arrivals of this page, newest first */
  arrivals: Arrival[];
  /** The `cursor` of the next page; null on the last one */
  next_cursor: string | null;
}

/** SNOMED CT: findings, procedures, routes, sites. */
export interface Clinical {
  /** The code system's URI or short name */
  system: 'http://snomed.info/sct';
  /** The code within the code system */
  code: string;
  /** The code's name, for people */
  display?: string | null;
}

/** A code of one code system (FHIR `Coding`) */
export interface Coding {
  /** The code system's URI or short name */
  system?: string;
  /** The code within the code system */
  code?: string;
  /** The code's name, for people */
  display?: string;
}

/** The chief complaint, when it began, and who reports it. `text` has the words that were used. */
export interface Complaint {
  /** The complaint, SNOMED CT */
  concept?: Clinical | null;
  /** The words that were used. They are in no de-identified answer */
  text?: string | null;
  /** The person or record that it comes from */
  informant?: 'bystander' | 'caregiver' | 'family' | 'health_professional' | 'patient' | 'records' | null;
  /** When it began */
  began_at?: string | null;
}

/** SNOMED CT: findings, procedures, routes, sites. */
export interface ComplaintConceptView {
  /** The code system's URI or short name */
  system?: 'http://snomed.info/sct';
  /** The code within the code system */
  code?: string;
}

/** The chief complaint, when it began, and who reports it. `text` has the words that were used. */
export interface ComplaintView {
  concept?: ComplaintConceptView;
  /** The person or record that it comes from */
  informant?: Open<'bystander' | 'caregiver' | 'family' | 'health_professional' | 'patient' | 'records'>;
  /** When it began */
  began_at?: string;
}

/** One concept, by its codes in one or several code systems (FHIR `CodeableConcept`) */
export interface Concept {
  /** The codes */
  coding?: readonly Coding[];
}

/** The quality of the compressions, as the defibrillator or a feedback device measured it. */
export interface Cpr {
  /** Whether the dispatch centre gave instructions by telephone */
  dispatcher_instructed?: boolean | null;
  /** Compressions per minute, `/min` */
  compression_rate?: number | null;
  /** Mean depth of the compressions, `mm` */
  compression_depth?: number | null;
  /** Share of the time with compressions, `%` */
  compression_fraction?: number | null;
  /** Share of the compressions with full recoil of the chest, `%` */
  full_recoil?: number | null;
  /** Ventilations per minute, `/min` */
  ventilation_rate?: number | null;
  /** The longest pause of the compressions, `s` */
  longest_pause?: number | null;
  /** Whether a device gave the compressions */
  mechanical_device?: boolean | null;
  /** Whether a device showed the quality of the compressions */
  feedback_device?: boolean | null;
}

/** The quality of the compressions, as the defibrillator or a feedback device measured it. */
export interface CprView {
  /** Whether the dispatch centre gave instructions by telephone */
  dispatcher_instructed?: boolean;
  /** Compressions per minute, `/min` */
  compression_rate?: number;
  /** Mean depth of the compressions, `mm` */
  compression_depth?: number;
  /** Share of the time with compressions, `%` */
  compression_fraction?: number;
  /** Share of the compressions with full recoil of the chest, `%` */
  full_recoil?: number;
  /** Ventilations per minute, `/min` */
  ventilation_rate?: number;
  /** The longest pause of the compressions, `s` */
  longest_pause?: number;
  /** Whether a device gave the compressions */
  mechanical_device?: boolean;
  /** Whether a device showed the quality of the compressions */
  feedback_device?: boolean;
}

/** A member of `crew_ids`, with the role in this mission and the qualification. */
export interface CrewMember {
  /** The id, one of `crew_ids` */
  id: string;
  /** The role in this mission */
  role?: 'attendant' | 'driver' | 'lead' | 'observer' | 'physician' | 'trainee' | null;
  /** The professional qualification */
  qualification?:
    | 'advanced_emergency_medical_technician'
    | 'advanced_paramedic'
    | 'critical_care_paramedic'
    | 'emergency_medical_technician'
    | 'first_responder'
    | 'nurse'
    | 'other'
    | 'paramedic'
    | 'physician'
    | null;
}

/** A member of `crew_ids`, with the role in this mission and the qualification. */
export interface CrewView {
  /** The role in this mission */
  role?: Open<'attendant' | 'driver' | 'lead' | 'observer' | 'physician' | 'trainee'>;
  /** The professional qualification */
  qualification?: Open<
    | 'advanced_emergency_medical_technician'
    | 'advanced_paramedic'
    | 'critical_care_paramedic'
    | 'emergency_medical_technician'
    | 'first_responder'
    | 'nurse'
    | 'other'
    | 'paramedic'
    | 'physician'
  >;
}

/**
 * A medicine that the patient takes, or no longer takes, at home.
 *
 * A de-identified answer has no `medicine` where the crew knew it in words alone.
 */
export interface CurrentMedicine {
  /** The id */
  id?: string | null;
  /** Whether the entry was withdrawn as an error */
  entered_in_error?: boolean;
  medicine: Drug;
  /** Whether the patient takes it */
  taken?: 'not_taking' | 'stopped' | 'taking' | 'unknown' | null;
  /** When the patient last took it */
  last_taken_at?: string | null;
  /** The person or record that it comes from */
  informant?: 'bystander' | 'caregiver' | 'family' | 'health_professional' | 'patient' | 'records' | null;
  /** Free text. It is encrypted, and in no de-identified answer */
  comment?: string | null;
}

/**
 * RxNorm, ATC or SNOMED CT; for a drug or substance whose code the crew does not know, their words alone, as `display`.
 */
export interface CurrentMedicinesMedicineView {
  /** The code system's URI or short name */
  system?: Open<'http://www.nlm.nih.gov/research/umls/rxnorm' | 'http://www.whocc.no/atc' | 'http://snomed.info/sct'>;
  /** The code within the code system */
  code?: string;
}

/**
 * A medicine that the patient takes, or no longer takes, at home.
 *
 * A de-identified answer has no `medicine` where the crew knew it in words alone.
 */
export interface CurrentMedicinesView {
  /** The id */
  id?: string;
  /** Whether the entry was withdrawn as an error */
  entered_in_error?: boolean;
  medicine?: CurrentMedicinesMedicineView;
  /** Whether the patient takes it */
  taken?: Open<'not_taking' | 'stopped' | 'taking' | 'unknown'>;
  /** When the patient last took it */
  last_taken_at?: string;
  /** The person or record that it comes from */
  informant?: Open<'bystander' | 'caregiver' | 'family' | 'health_professional' | 'patient' | 'records'>;
}

/** A place that patients are brought to, with its app. */
export interface Destination {
  /** The id */
  id: string;
  /** Grows with each change of the destination */
  version: number;
  /** The name, for people */
  name: string;
  /** The official code of the place */
  code: string;
  /** The URI of the register that gives the code */
  code_system: string;
  /** The type of the place */
  type: Open<'cath_lab' | 'emergency_department' | 'other' | 'other_hospital' | 'stroke_unit' | 'trauma_centre'>;
  /** The app of the destination: no other app reads who its patients are */
  client_id: string;
  /**
   * The legal basis of the disclosure: provision of care, vital interests, a legal obligation, or the patient's consent
   */
  legal_basis: Open<'consent' | 'legal_obligation' | 'provision_of_care' | 'vital_interests'>;
  /** Your reference of the agreement with the destination, such as `DSA-2026-014` */
  agreement: string | null;
  /**
   * Days of reading, counted from the end of the encounter or, until it ends, from the first naming of the destination
   */
  readable_days: number;
  /** Whether the app may read, in an emergency and with a reason, encounters that are bound for other destinations */
  allows_break_glass: boolean;
  /** False ends all reading, and no encounter may name the destination */
  active: boolean;
}

/** A change of the given fields. Another app ends the reading of the former one at once. */
export interface DestinationChange {
  /** The name, for people */
  name?: string;
  /** The official code of the place */
  code?: string;
  /** The URI of the register that gives the code, such as `urn:oid:2.16.840.1.113883.2.9.4.1.2` */
  code_system?: string;
  /** The type of the place */
  type?: 'cath_lab' | 'emergency_department' | 'other' | 'other_hospital' | 'stroke_unit' | 'trauma_centre';
  /** The app of the destination: no other app reads who its patients are */
  client_id?: string;
  /**
   * The legal basis of the disclosure: provision of care, vital interests, a legal obligation, or the patient's consent
   */
  legal_basis?: 'consent' | 'legal_obligation' | 'provision_of_care' | 'vital_interests';
  /** Your reference of the agreement with the destination, such as `DSA-2026-014` */
  agreement?: string | null;
  /**
   * Days of reading, counted from the end of the encounter or, until it ends, from the first naming of the destination
   */
  readable_days?: number;
  /** Whether the app may read, in an emergency and with a reason, encounters that are bound for other destinations */
  allows_break_glass?: boolean;
  /** False ends all reading, and no encounter may name the destination */
  active?: boolean;
}

/** A place that patients are brought to, and the app that reads there who they are. */
export interface DestinationDraft {
  /** The name, for people */
  name: string;
  /** The official code of the place */
  code: string;
  /** The URI of the register that gives the code, such as `urn:oid:2.16.840.1.113883.2.9.4.1.2` */
  code_system: string;
  /** The type of the place */
  type: 'cath_lab' | 'emergency_department' | 'other' | 'other_hospital' | 'stroke_unit' | 'trauma_centre';
  /** The app of the destination: no other app reads who its patients are */
  client_id: string;
  /**
   * The legal basis of the disclosure: provision of care, vital interests, a legal obligation, or the patient's consent
   */
  legal_basis: 'consent' | 'legal_obligation' | 'provision_of_care' | 'vital_interests';
  /** Your reference of the agreement with the destination, such as `DSA-2026-014` */
  agreement?: string | null;
  /**
   * Days of reading, counted from the end of the encounter or, until it ends, from the first naming of the destination
   */
  readable_days?: number;
  /** Whether the app may read, in an emergency and with a reason, encounters that are bound for other destinations */
  allows_break_glass?: boolean;
}

/** The destination for which the encounter is bound */
export interface DestinationNamed {
  /** The destination's id, such as `dst_01jdk…` */
  destination_id: string;
  /**
   * Opens reading whose days are over, for the days of the destination from now: the patient is still treated, the
   * record was corrected, or it was never handed over in time. Needs `platform:apps`; the audit trail has the reason
   */
  reopening?: 'care_continues' | 'late_handover' | 'record_corrected' | null;
}

/** A page of destinations */
export interface Destinations {
  /** The destinations of this page, newest first */
  destinations: Destination[];
  /** The `cursor` of the next page; null on the last one */
  next_cursor: string | null;
}

/** Advance directives of the patient, and whether the crew saw the document. */
export interface Directives {
  /** Whether there are directives, or why none is known */
  status?: 'none_known' | 'not_asked' | 'present' | 'unknown' | null;
  /** The kinds of directive */
  kinds?: readonly ('do_not_resuscitate' | 'health_care_proxy' | 'limited_treatment' | 'living_will' | 'other')[];
  /** Whether the crew saw the document */
  seen?: boolean | null;
  /** Free text. It is encrypted, and in no de-identified answer */
  comment?: string | null;
}

/** Advance directives of the patient, and whether the crew saw the document. */
export interface DirectivesView {
  /** Whether there are directives, or why none is known */
  status?: Open<'none_known' | 'not_asked' | 'present' | 'unknown'>;
  /** The kinds of directive */
  kinds?: (Open<'do_not_resuscitate' | 'health_care_proxy' | 'limited_treatment' | 'living_will' | 'other'>)[];
  /** Whether the crew saw the document */
  seen?: boolean;
}

/** One answer with identified data: the recipient, the purpose and its legal basis, and exactly which content. */
export interface Disclosure {
  /** The id */
  id: string;
  /** The encounter that it belongs to */
  encounter_id: string;
  /** The number of the patient's identity that was sent */
  identity: number;
  /** The version of the record that was sent */
  version: number;
  /** Counts the writes of the record and its batches of observations until then */
  revision: number;
  /** The destination's id, such as `dst_01jdk…` */
  destination_id: string;
  /** The name of the destination, as it is now */
  destination_name: string;
  /** The app that got the data */
  client_id: string;
  /** The person who used the app, if the token is a person's */
  actor: string | null;
  /** `TREAT`: the destination of the encounter; `BTG`: emergency access (v3-ActReason) */
  purpose: Open<'BTG' | 'TREAT'>;
  /**
   * The legal basis of the disclosure: provision of care, vital interests, a legal obligation, or the patient's consent
   */
  legal_basis: Open<'consent' | 'legal_obligation' | 'provision_of_care' | 'vital_interests'>;
  /** The id of the emergency access; null for the destination of the encounter */
  emergency_id: string | null;
  /** The reason of the emergency access; null for the destination of the encounter */
  emergency_reason: string | null;
  /**
   * The representation: JSON, a FHIR document, a FHIR transaction, or a PDF; `outcome` for a reading of the outcome,
   * `other_crew` where parts of this record were in the handover of another encounter of the same patient at the
   * incident
   */
  content: Open<'document' | 'json' | 'other_crew' | 'outcome' | 'pdf' | 'transaction'>;
  /** The parts of the record, or of the outcome, that were sent */
  sections: string[];
  /** The language of the texts that were sent */
  language: Open<'en' | 'it'>;
  /** SHA-256 of the bytes that were sent, in hexadecimal */
  sha256: string;
  /** The trace of the call, 32 hex digits; give it to support */
  trace_id: string;
  /** When it was sent */
  disclosed_at: string;
}

/** A page of disclosures */
export interface Disclosures {
  /** The disclosures of this page, newest first */
  disclosures: Disclosure[];
  /** The `cursor` of the next page; null on the last one */
  next_cursor: string | null;
}

/**
 * The category that the dispatch centre gave the call, by the scale that begins its name, and its MPDS determinant,
 * such as `10D01`.
 */
export interface Dispatch {
  /** The category, by the scale that begins its name: `england`, `italy` or `mpds` */
  category?:
    | 'england_c1'
    | 'england_c1t'
    | 'england_c2'
    | 'england_c3'
    | 'england_c4'
    | 'italy_green'
    | 'italy_red'
    | 'italy_white'
    | 'italy_yellow'
    | 'mpds_alpha'
    | 'mpds_bravo'
    | 'mpds_charlie'
    | 'mpds_delta'
    | 'mpds_echo'
    | 'mpds_omega'
    | null;
  /** The MPDS determinant, such as `10D01` */
  determinant?: string | null;
  /** Whether lights and sirens were used on the way */
  lights_and_sirens?: boolean | null;
}

/**
 * The category that the dispatch centre gave the call, by the scale that begins its name, and its MPDS determinant,
 * such as `10D01`.
 */
export interface DispatchView {
  /** The category, by the scale that begins its name: `england`, `italy` or `mpds` */
  category?: Open<
    | 'england_c1'
    | 'england_c1t'
    | 'england_c2'
    | 'england_c3'
    | 'england_c4'
    | 'italy_green'
    | 'italy_red'
    | 'italy_white'
    | 'italy_yellow'
    | 'mpds_alpha'
    | 'mpds_bravo'
    | 'mpds_charlie'
    | 'mpds_delta'
    | 'mpds_echo'
    | 'mpds_omega'
  >;
  /** The MPDS determinant, such as `10D01` */
  determinant?: string;
  /** Whether lights and sirens were used on the way */
  lights_and_sirens?: boolean;
}

/**
 * The end of the encounter. `destination` names a place and is in no de-identified answer.
 *
 * `expected_at` is the arrival that the crew announced to the destination.
 */
export interface Disposition {
  /** The outcome */
  outcome?:
    | 'cancelled'
    | 'care_transferred'
    | 'dead_on_scene'
    | 'no_patient_found'
    | 'no_treatment_needed'
    | 'refused'
    | 'transported'
    | 'treated_and_released'
    | null;
  /** The place's name. It is in no de-identified answer */
  destination?: string | null;
  /** The kind of place */
  destination_type?:
    | 'cath_lab'
    | 'emergency_department'
    | 'home'
    | 'other'
    | 'other_hospital'
    | 'stroke_unit'
    | 'trauma_centre'
    | null;
  /** Whether the hospital was informed ahead */
  prealert?: boolean | null;
  /** When the destination was alerted */
  prealert_at?: string | null;
  /** When the crew expects to arrive at the destination */
  expected_at?: string | null;
  /** The reason of the pre-alert */
  prealert_for?: 'arrest' | 'obstetric' | 'other' | 'paediatric' | 'sepsis' | 'stemi' | 'stroke' | 'trauma' | null;
  /** Whether lights and sirens were used on the way */
  lights_and_sirens?: boolean | null;
  /** Whether a child was carried in a restraint system for children, in this transport */
  child_restrained?: boolean | null;
  /** The parts of the care that the patient refused */
  refused?: readonly ('assessment' | 'transport' | 'treatment')[];
  /** Whether the patient had the capacity to decide */
  has_capacity?: boolean | null;
  /** Whether the patient signed the refusal */
  refusal_signed?: boolean | null;
  /** The person who signed the refusal */
  refusal_signed_by?: 'guardian' | 'patient' | 'witness' | null;
  /** Free text. It is encrypted, and in no de-identified answer */
  comment?: string | null;
}

/**
 * The end of the encounter. `destination` names a place and is in no de-identified answer.
 *
 * `expected_at` is the arrival that the crew announced to the destination.
 */
export interface DispositionView {
  /** The outcome */
  outcome?: Open<
    | 'cancelled'
    | 'care_transferred'
    | 'dead_on_scene'
    | 'no_patient_found'
    | 'no_treatment_needed'
    | 'refused'
    | 'transported'
    | 'treated_and_released'
  >;
  /** The kind of place */
  destination_type?: Open<
    | 'cath_lab'
    | 'emergency_department'
    | 'home'
    | 'other'
    | 'other_hospital'
    | 'stroke_unit'
    | 'trauma_centre'
  >;
  /** Whether the hospital was informed ahead */
  prealert?: boolean;
  /** When the destination was alerted */
  prealert_at?: string;
  /** When the crew expects to arrive at the destination */
  expected_at?: string;
  /** The reason of the pre-alert */
  prealert_for?: Open<'arrest' | 'obstetric' | 'other' | 'paediatric' | 'sepsis' | 'stemi' | 'stroke' | 'trauma'>;
  /** Whether lights and sirens were used on the way */
  lights_and_sirens?: boolean;
  /** Whether a child was carried in a restraint system for children, in this transport */
  child_restrained?: boolean;
  /** The parts of the care that the patient refused */
  refused?: (Open<'assessment' | 'transport' | 'treatment'>)[];
  /** Whether the patient had the capacity to decide */
  has_capacity?: boolean;
  /** Whether the patient signed the refusal */
  refusal_signed?: boolean;
  /** The person who signed the refusal */
  refusal_signed_by?: Open<'guardian' | 'patient' | 'witness'>;
}

/** An amount with its unit */
export interface Dose {
  /** The value */
  value: number;
  /** The UCUM unit; the catalogue of units lists those accepted */
  unit: Open<
    | 'L'
    | 'L/min'
    | '[iU]'
    | '[iU]/h'
    | '[iU]/kg'
    | '[iU]/kg/h'
    | '[iU]/min'
    | 'g'
    | 'g/h'
    | 'g/kg'
    | 'mL'
    | 'mL/h'
    | 'mL/kg'
    | 'mL/kg/h'
    | 'mL/min'
    | 'm[iU]/min'
    | 'meq'
    | 'meq/h'
    | 'mg'
    | 'mg/h'
    | 'mg/kg'
    | 'mg/kg/h'
    | 'mg/kg/min'
    | 'mg/min'
    | 'mmol'
    | 'mmol/h'
    | 'mmol/kg'
    | 'ng'
    | 'ng/kg/min'
    | 'ug'
    | 'ug/h'
    | 'ug/kg'
    | 'ug/kg/h'
    | 'ug/kg/min'
    | 'ug/min'
    | '{drop}'
    | '{puff}'
    | '{tablet}'
  >;
}

/**
 * RxNorm, ATC or SNOMED CT; for a drug or substance whose code the crew does not know, their words alone, as `display`.
 */
export interface Drug {
  /** The code system's URI or short name */
  system?: 'http://www.nlm.nih.gov/research/umls/rxnorm' | 'http://www.whocc.no/atc' | 'http://snomed.info/sct' | null;
  /** The code within the code system */
  code?: string | null;
  /** The code's name, or the crew's words for a drug or substance without a code */
  display?: string | null;
}

/** Emergency access: `GET …/handover` answers until `until`. */
export interface Emergency {
  /** The id */
  id: string;
  /** The encounter that it belongs to */
  encounter_id: string;
  /** The destination's id, such as `dst_01jdk…` */
  destination_id: string;
  /** When the emergency access was opened */
  opened_at: string;
  /** The end of the emergency access, exclusive */
  until: string;
}

/** NEMSIS eOutcome.01, .10, .18. */
export interface EmergencyDepartment {
  /** When the patient arrived in the emergency department */
  arrived_at?: string | null;
  /** When the patient left the emergency department */
  left_at?: string | null;
  /** Where the patient went from the emergency department */
  disposition?: Open<
    | 'admitted_to_intensive_care'
    | 'admitted_to_ward'
    | 'dead_on_arrival'
    | 'died'
    | 'discharged_home'
    | 'left_without_treatment'
    | 'to_cath_lab'
    | 'to_operating_theatre'
    | 'transferred'
    | 'unknown'
  > | null;
  /** The diagnoses: ICD-10 or SNOMED CT */
  diagnoses?: Impression[];
  /** Whether a trauma team was activated */
  trauma_team?: Open<'no' | 'unknown' | 'yes'> | null;
}

/** Emergency access to an encounter that is bound for another destination, or for none. */
export interface EmergencyDraft {
  /** The destination of your app that needs the record */
  destination_id: string;
  /**
   * Why the record is needed: the patient is there, or was transferred, the state threatens life, or the encounter has
   * no destination
   */
  reason: 'destination_missing' | 'life_threatening' | 'patient_present' | 'patient_transferred';
  /** For the service's administrator; kept encrypted */
  explanation: string;
}

/** Emergency access, as an administrator reviews it: the app, its person, the reason and its explanation. */
export interface EmergencyReview {
  /** The id */
  id: string;
  /** The encounter that it belongs to */
  encounter_id: string;
  /** The destination's id, such as `dst_01jdk…` */
  destination_id: string;
  /** When the emergency access was opened */
  opened_at: string;
  /** The end of the emergency access, exclusive */
  until: string;
  /** The app that reads */
  client_id: string;
  /** The person who used the app; null for an app by itself */
  actor: string | null;
  /**
   * Why the record is needed: the patient is there, or was transferred, the state threatens life, or the encounter has
   * no destination
   */
  reason: string;
  /** The explanation of the person who opened it */
  explanation: string;
}

/** A page of emergency accesses */
export interface EmergencyReviews {
  /** The emergency accesses of this page, newest first */
  emergencies: EmergencyReview[];
  /** The `cursor` of the next page; null on the last one */
  next_cursor: string | null;
}

/** The destination of an encounter. Its app may read who the patient is from `named_at` until `readable_until`. */
export interface EncounterDestination {
  /** The encounter that it belongs to */
  encounter_id: string;
  /** The destination's id, such as `dst_01jdk…` */
  destination_id: string;
  /** The name, for people */
  name: string;
  /** The official code of the place */
  code: string;
  /** The URI of the register that gives the code */
  code_system: string;
  /** The type of the place */
  type: Open<'cath_lab' | 'emergency_department' | 'other' | 'other_hospital' | 'stroke_unit' | 'trauma_centre'>;
  /** When the encounter was bound for the destination */
  named_at: string;
  /** Moves to later when the encounter ends; a change of the destination ends the reading at once */
  readable_until: string;
}

/** A new encounter: the first four fields are the minimum, the rest may come now or later. */
export interface EncounterDraft {
  /** The kind of care */
  care_model:
    | 'community_paramedicine'
    | 'event_medical'
    | 'interfacility_transfer'
    | 'non_emergency_transport'
    | 'prehospital_emergency';
  /** The vehicle, as your dispatch system names it, such as `AMB-42` */
  vehicle_id: string;
  /** Ids of the crew, as the caller names them */
  crew_ids: readonly string[];
  /** The incident, as the dispatch system names it */
  cad_incident_id: string;
  /** The patient's number among those of the incident and vehicle, from 1 */
  patient_number?: number;
  /** An encounter begins `in_progress` */
  status?: 'in_progress';
  /** The members of the crew, with role and qualification */
  crew?: readonly CrewMember[];
  /** Further suspected diagnoses: ICD-10 or SNOMED CT */
  secondary_impressions?: readonly Impression[];
  /** Sets of vital signs, in the order of their times */
  vital_signs?: readonly VitalSigns[];
  /** Procedures, SNOMED CT */
  procedures?: readonly Procedure[];
  /** Medications: RxNorm, ATC or SNOMED CT */
  medications?: readonly Medication[];
  /** Attempts at an advanced airway */
  airway_attempts?: readonly AirwayAttempt[];
  /** Examinations of the pupils */
  pupils?: readonly Pupils[];
  /** Findings by region of the body */
  examinations?: readonly Examination[];
  /** Allergies and intolerances */
  allergies?: readonly Allergy[];
  /** Illnesses and operations before this encounter */
  past_conditions?: readonly PastCondition[];
  /** Medicines that the patient takes, or no longer takes, at home */
  current_medicines?: readonly CurrentMedicine[];
  /** The Apgar scores of a newborn patient */
  apgar?: readonly Apgar[];
  /** The patient */
  patient?: Patient | null;
  /** The times of the mission */
  times?: Times | null;
  /** The category that the dispatch centre gave the call */
  dispatch?: Dispatch | null;
  /** The chief complaint */
  complaint?: Complaint | null;
  /** The acuity that the crew found first and last */
  triage?: Triage | null;
  /** Why lists of the history are empty */
  inquiries?: Inquiries | null;
  /** The body weight */
  weight?: Weight | null;
  /** The pregnancy, or why none is known */
  pregnancy?: Pregnancy | null;
  /** Advance directives of the patient */
  directives?: Directives | null;
  /** The injury, and the criteria of field triage */
  injury?: Injury | null;
  /** The main suspected diagnosis: ICD-10 or SNOMED CT */
  primary_impression?: Impression | null;
  /** The cardiac arrest, if there was one */
  arrest?: Arrest | null;
  /** The quality of the chest compressions */
  cpr?: Cpr | null;
  /** The assessment for stroke */
  stroke?: Stroke | null;
  /** The end of the encounter */
  disposition?: Disposition | null;
  /** The crew's account. It is encrypted, and in no de-identified answer */
  narrative?: string | null;
}

/** Newest first; where times are moved, in no order that means anything. */
export interface EncounterList {
  /** The encounters of this page */
  encounters: EncounterSummary[];
  /** The `cursor` of the next page; null on the last one */
  next_cursor: string | null;
}

/**
 * An encounter in a list. Where times are moved, `created_at` and `updated_at` are cut to the day, others to the
 * minute.
 */
export interface EncounterSummary {
  /** Where times are moved, an id of your app's own, and the only one that is taken */
  id: string;
  /** The id of the organisation that owns the encounter */
  organization_id: string;
  /** The kind of care */
  care_model: Open<
    | 'community_paramedicine'
    | 'event_medical'
    | 'interfacility_transfer'
    | 'non_emergency_transport'
    | 'prehospital_emergency'
  >;
  /** The status of the encounter */
  status: Open<'cancelled' | 'completed' | 'handed_over' | 'in_progress'>;
  /** The vehicle, as your dispatch system names it, such as `AMB-42` */
  vehicle_id?: string;
  /** The incident, as the dispatch system names it */
  cad_incident_id?: string;
  /** The patient's number among those of the incident and vehicle, from 1 */
  patient_number: number;
  /** Grows with each change of the record */
  version: number;
  /** When it was made */
  created_at: string;
  /** When it last changed */
  updated_at: string;
}

/**
 * The de-identified record: no name, full birth date, address, phone number, next of kin or free text. An empty field
 * is absent.
 */
export interface EncounterView {
  /** Where times are moved, an id of your app's own, and the only one that is taken */
  id: string;
  /** The id of the organisation that owns the encounter */
  organization_id: string;
  /** The kind of care */
  care_model: Open<
    | 'community_paramedicine'
    | 'event_medical'
    | 'interfacility_transfer'
    | 'non_emergency_transport'
    | 'prehospital_emergency'
  >;
  /** `in_progress` until the crew completes it */
  status: Open<'cancelled' | 'completed' | 'handed_over' | 'in_progress'>;
  /** The vehicle, as your dispatch system names it, such as `AMB-42` */
  vehicle_id?: string;
  /** The incident, as the dispatch system names it */
  cad_incident_id?: string;
  /** The patient's number among those of the incident and vehicle, from 1 */
  patient_number: number;
  /** Grows with each change of the record */
  version: number;
  /** When it was made */
  created_at: string;
  /** When it last changed */
  updated_at: string;
  /** Whether it is a demonstration or of a sandbox */
  test: boolean;
  /**
   * Grows when the identity of the patient is corrected: data read under a lower number has the identity of another
   * patient
   */
  identity: number;
  patient?: PatientView;
  times?: TimesView;
  dispatch?: DispatchView;
  complaint?: ComplaintView;
  triage?: TriageView;
  inquiries?: InquiriesView;
  weight?: WeightView;
  /** The pregnancy, or why none is known */
  pregnancy?: PregnancyView;
  directives?: DirectivesView;
  injury?: InjuryView;
  primary_impression?: PrimaryImpressionView;
  arrest?: ArrestView;
  cpr?: CprView;
  stroke?: StrokeView;
  disposition?: DispositionView;
  /** The members of the crew, with role and qualification */
  crew?: CrewView[];
  /** Further suspected diagnoses: ICD-10 or SNOMED CT */
  secondary_impressions?: SecondaryImpressionsView[];
  /** Sets of vital signs, in the order of their times */
  vital_signs?: VitalSignsView[];
  /** Procedures, SNOMED CT */
  procedures?: ProceduresView[];
  /** Medications: RxNorm, ATC or SNOMED CT */
  medications?: MedicationsView[];
  /** Attempts at an advanced airway */
  airway_attempts?: AirwayAttemptsView[];
  /** Examinations of the pupils */
  pupils?: PupilsView[];
  /** Findings by region of the body */
  examinations?: ExaminationsView[];
  /** Allergies and intolerances */
  allergies?: AllergiesView[];
  /** Illnesses and operations before this encounter */
  past_conditions?: PastConditionsView[];
  /** Medicines that the patient takes, or no longer takes, at home */
  current_medicines?: CurrentMedicinesView[];
  /** The Apgar scores of a newborn patient */
  apgar?: ApgarView[];
}

/** End-tidal CO2 with its unit: `mm[Hg]`, `kPa` or `%` */
export interface EndTidalCO2 {
  /** The value */
  value: number;
  /** The UCUM unit */
  unit: Open<'mm[Hg]' | 'kPa' | '%'>;
}

/** The finding of one region of the body, with SNOMED CT findings, and the depth of its deepest burn. */
export interface Examination {
  /** The id */
  id?: string | null;
  /** Whether the entry was withdrawn as an error */
  entered_in_error?: boolean;
  /** When it was examined */
  examined_at: string;
  /** The region of the body */
  region:
    | 'abdomen'
    | 'back'
    | 'chest'
    | 'ears_nose_throat'
    | 'eyes'
    | 'face'
    | 'head'
    | 'heart'
    | 'left_arm'
    | 'left_leg'
    | 'lungs'
    | 'mental_status'
    | 'neck'
    | 'neurological'
    | 'pelvis'
    | 'right_arm'
    | 'right_leg'
    | 'skin';
  /** Normal, abnormal, or not assessable */
  result: 'abnormal' | 'normal' | 'not_assessable';
  /** The findings, SNOMED CT */
  findings?: readonly Clinical[];
  /** The depth of the deepest burn of the region */
  burn_depth?: 'deep_partial' | 'full_thickness' | 'superficial' | 'superficial_partial' | null;
  /** Free text. It is encrypted, and in no de-identified answer */
  comment?: string | null;
}

/** SNOMED CT: findings, procedures, routes, sites. */
export interface ExaminationsFindingsView {
  /** The code system's URI or short name */
  system?: 'http://snomed.info/sct';
  /** The code within the code system */
  code?: string;
}

/** The finding of one region of the body, with SNOMED CT findings, and the depth of its deepest burn. */
export interface ExaminationsView {
  /** The id */
  id?: string;
  /** Whether the entry was withdrawn as an error */
  entered_in_error?: boolean;
  /** When it was examined */
  examined_at?: string;
  /** The region of the body */
  region?: Open<
    | 'abdomen'
    | 'back'
    | 'chest'
    | 'ears_nose_throat'
    | 'eyes'
    | 'face'
    | 'head'
    | 'heart'
    | 'left_arm'
    | 'left_leg'
    | 'lungs'
    | 'mental_status'
    | 'neck'
    | 'neurological'
    | 'pelvis'
    | 'right_arm'
    | 'right_leg'
    | 'skin'
  >;
  /** Normal, abnormal, or not assessable */
  result?: Open<'abnormal' | 'normal' | 'not_assessable'>;
  /** The findings, SNOMED CT */
  findings?: ExaminationsFindingsView[];
  /** The depth of the deepest burn of the region */
  burn_depth?: Open<'deep_partial' | 'full_thickness' | 'superficial' | 'superficial_partial'>;
}

/**
 * A diagnosis of the encounter that it refers to; without a reference, of the stay if there is one.
 *
 * One that is confirmed, or has no `verificationStatus`, is reported. One that is `unconfirmed`, `provisional`,
 * `differential`, `refuted`
 * or `entered-in-error` is left out, because a diagnosis of an outcome is a fact; another status is refused.
 */
export interface FhirCondition {
  /** The type of the FHIR resource */
  resourceType: 'Condition';
  code: Concept;
  /** `refuted` or `entered-in-error`: the diagnosis is not read */
  verificationStatus?: Concept | null;
  /** The Encounter of the Bundle that it belongs to */
  encounter?: Reference | null;
  /** Refused unless it is empty */
  modifierExtension?: readonly Record<string, unknown>[];
  /** Refused unless it is empty */
  implicitRules?: string;
  /** The patient: the same one in all resources */
  subject?: Reference | null;
}

/**
 * Class `EMER` is the emergency department, `IMP`, `ACUTE` and `NONAC` are the stay. The first identifier is the visit
 * number.
 *
 * An identifier of the Encounter in the handover says whom the report is about; it is no visit number.
 * One that is planned, cancelled or entered in error reports nothing.
 */
export interface FhirEncounter {
  /** The type of the FHIR resource */
  resourceType: 'Encounter';
  /** The class (v3-ActCode): `EMER`, `IMP`, `ACUTE` or `NONAC` */
  class: Coding;
  /** The id */
  id?: string;
  /** The state */
  status?:
    | 'arrived'
    | 'cancelled'
    | 'entered-in-error'
    | 'finished'
    | 'in-progress'
    | 'onleave'
    | 'planned'
    | 'triaged'
    | 'unknown'
    | null;
  /** The hospital's identifiers; the first is the visit number */
  identifier?: readonly Identifier[];
  /** Arrival and departure, or admission and discharge */
  period?: Period | null;
  /** The end of the stay */
  hospitalization?: Hospitalization | null;
  /** Refused unless it is empty */
  modifierExtension?: readonly Record<string, unknown>[];
  /** Refused unless it is empty */
  implicitRules?: string;
  /** The patient: the same one in all resources */
  subject?: Reference | null;
}

/** A resource of the Bundle, with the URL by which others refer to it */
export interface FhirEntry {
  resource: Resource;
  /** The URL by which other resources of the Bundle refer to it, such as `urn:uuid:…` */
  fullUrl?: string;
}

/**
 * The modified Rankin Scale (LOINC 75859-9) or, of our own code system, `cpc`, `survived-to-discharge` and
 * `alive-at-30-days`.
 */
export interface FhirObservation {
  /** The type of the FHIR resource */
  resourceType: 'Observation';
  /** The status of the resource (FHIR R4) */
  status: 'amended' | 'corrected' | 'entered-in-error' | 'final' | 'preliminary';
  code: Concept;
  /** When it was assessed */
  effectiveDateTime?: string | null;
  /** The score */
  valueInteger?: number | null;
  /** The score, as a quantity */
  valueQuantity?: Quantity | null;
  /** The answer */
  valueBoolean?: boolean | null;
  /** Why there is no value: the answer is `unknown` */
  dataAbsentReason?: Concept | null;
  /** Refused unless it is empty */
  modifierExtension?: readonly Record<string, unknown>[];
  /** Refused unless it is empty */
  implicitRules?: string;
  /** The patient: the same one in all resources */
  subject?: Reference | null;
}

/**
 * Only the death is read. Without a time it is refused, unless another resource says that the patient died. There is
 * one.
 */
export interface FhirPatient {
  /** The type of the FHIR resource */
  resourceType: 'Patient';
  /** The id */
  id?: string;
  /** When the patient died */
  deceasedDateTime?: string | null;
  /** Whether the patient is dead */
  deceasedBoolean?: boolean | null;
  /** Refused unless it is empty */
  modifierExtension?: readonly Record<string, unknown>[];
  /** Refused unless it is empty */
  implicitRules?: string;
  /** The patient: the same one in all resources */
  subject?: Reference | null;
}

/** A procedure in hospital. One whose `status` is neither `completed` nor `in-progress` is not read */
export interface FhirProcedure {
  /** The type of the FHIR resource */
  resourceType: 'Procedure';
  /** The status of the resource (FHIR R4) */
  status: 'completed' | 'entered-in-error' | 'in-progress' | 'not-done' | 'stopped' | 'unknown';
  code: Concept;
  /** When it was done */
  performedDateTime?: string | null;
  /** When it began and ended; its end is read beside `performedDateTime` too */
  performedPeriod?: Period | null;
  /** Refused unless it is empty */
  modifierExtension?: readonly Record<string, unknown>[];
  /** Refused unless it is empty */
  implicitRules?: string;
  /** The patient: the same one in all resources */
  subject?: Reference | null;
}

/** Blood glucose with its unit: `mg/dL` or `mmol/L` */
export interface Glucose {
  /** The value */
  value: number;
  /** The UCUM unit */
  unit: Open<'mmol/L' | 'mg/dL'>;
}

/** The record of a patient with the patient's name, for the destination's app alone. */
export interface Handover {
  /** The encounter that it belongs to */
  encounter_id: string;
  /** The destination's id, such as `dst_01jdk…` */
  destination_id: string;
  /** `TREAT`: the destination of the encounter; `BTG`: emergency access (v3-ActReason) */
  purpose: Open<'BTG' | 'TREAT'>;
  /** Grows when the identity of the patient is corrected */
  identity: number;
  /** The end of the reading, exclusive */
  readable_until: string;
  record: WholeRecord;
  /**
   * At most 20 other encounters of the incident that began within 48 hours of this one: the newest, those of the same
   * patient first
   */
  other_crews: OtherCrew[];
}

/** A key intervention. `code` is its SNOMED CT code, if the hospital has one. */
export interface HospitalProcedure {
  /** The kind of intervention */
  kind: Open<
    | 'blood_transfusion'
    | 'coronary_angiography'
    | 'coronary_bypass'
    | 'ct_or_mri'
    | 'ecmo'
    | 'intubation'
    | 'other'
    | 'pacemaker_or_icd'
    | 'pci'
    | 'surgery'
    | 'temperature_control'
    | 'thrombectomy'
    | 'thrombolysis'
    | 'ventilation'
  >;
  /** The SNOMED CT code, if the hospital has one */
  code?: Clinical | null;
  /** When it was done */
  performed_at?: string | null;
  /** When it ended; null while it lasts */
  ended_at?: string | null;
}

/** NEMSIS eOutcome.02, .11, .13, .16. */
export interface HospitalStay {
  /** When the patient was admitted */
  admitted_at?: string | null;
  /** When the patient was discharged */
  discharged_at?: string | null;
  /** The end of the stay, or `still_admitted` */
  disposition?: Open<
    | 'died'
    | 'discharged_home'
    | 'discharged_with_care'
    | 'hospice'
    | 'left_against_advice'
    | 'nursing_facility'
    | 'rehabilitation'
    | 'still_admitted'
    | 'transferred'
    | 'unknown'
  > | null;
  /** The diagnoses: ICD-10 or SNOMED CT */
  diagnoses?: Impression[];
  /** Days in intensive care */
  intensive_care_days?: number | null;
  /** Days on a ventilator */
  ventilator_days?: number | null;
  /** The Injury Severity Score, 0 to 75 */
  injury_severity_score?: number | null;
}

/** The end of a stay in hospital or in the emergency department */
export interface Hospitalization {
  /** Where the patient went: a code of HL7's discharge-disposition, or a word of the outcome */
  dischargeDisposition?: Concept | null;
}

/** An identifier (FHIR `Identifier`): the hospital's visit number, or that of the handover's Encounter */
export interface Identifier {
  /** The issuer of the number, as a URI. That of the handover's Encounter says whom the report is about */
  system?: string;
  /** The number */
  value?: string;
}

/**
 * ICD-10, of the WHO or the clinical modification, or SNOMED CT; for an illness whose code the crew does not know,
 * their words alone,
 * as `display`.
 */
export interface Illness {
  /** The code system's URI or short name */
  system?: 'http://hl7.org/fhir/sid/icd-10' | 'http://hl7.org/fhir/sid/icd-10-cm' | 'http://snomed.info/sct' | null;
  /** A code of ICD-10, such as `I21.9`, or of SNOMED CT */
  code?: string | null;
  /** The code's name, or the crew's words for an illness without a code */
  display?: string | null;
}

/** ICD-10, of the WHO or the clinical modification, or SNOMED CT. */
export interface Impression {
  /** The code system's URI or short name */
  system: Open<'http://hl7.org/fhir/sid/icd-10' | 'http://hl7.org/fhir/sid/icd-10-cm' | 'http://snomed.info/sct'>;
  /** A code of ICD-10, such as `I21.9`, or of SNOMED CT */
  code: string;
  /** The code's name, for people */
  display?: string | null;
}

/**
 * How the patient was injured, and the criteria of field triage (ACS 2021) that the crew found.
 *
 * `burned_surface` is the burned part of the whole body surface; superficial burns (erythema) do not count. `comment`
 * has the mechanism in
 * words, where none of the list fits.
 */
export interface Injury {
  /** When the patient was injured */
  injured_at?: string | null;
  /** The mechanism of the injury */
  mechanism?:
    | 'bite_or_sting'
    | 'blast'
    | 'blunt_force'
    | 'burn'
    | 'car_occupant'
    | 'crush'
    | 'cyclist'
    | 'drowning'
    | 'electrocution'
    | 'fall_from_height'
    | 'fall_same_level'
    | 'gunshot'
    | 'hanging'
    | 'motorcyclist'
    | 'other'
    | 'pedestrian'
    | 'stabbing'
    | null;
  /** Whether the injury was intended, and by whom */
  intent?: 'assault' | 'self_harm' | 'undetermined' | 'unintentional' | null;
  /** The height of the fall, `m` */
  fall_m?: number | null;
  /** Whether the patient was trapped */
  entrapped?: boolean | null;
  /** The burned part of the body surface without superficial burns, `%` */
  burned_surface?: number | null;
  /** The criteria of field triage (ACS 2021) that the crew found */
  criteria?:
    | readonly ('active_bleeding'
    | 'amputation'
    | 'anticoagulants'
    | 'burns_with_trauma'
    | 'chest_wall_instability'
    | 'child_unrestrained'
    | 'crushed_extremity'
    | 'death_in_compartment'
    | 'ejection'
    | 'fall_over_3_m'
    | 'intrusion'
    | 'low_pressure'
    | 'no_motor_response'
    | 'pelvic_fracture'
    | 'penetrating_injury'
    | 'respiratory_distress'
    | 'skull_deformity'
    | 'spinal_injury'
    | 'thrown_from_vehicle'
    | 'two_long_bone_fractures')[];
  /** Belts, helmets and other protection */
  protection?: readonly ('airbag_deployed' | 'child_restraint' | 'helmet' | 'no_protection' | 'seat_belt')[];
  /** Free text. It is encrypted, and in no de-identified answer */
  comment?: string | null;
}

/**
 * How the patient was injured, and the criteria of field triage (ACS 2021) that the crew found.
 *
 * `burned_surface` is the burned part of the whole body surface; superficial burns (erythema) do not count. `comment`
 * has the mechanism in
 * words, where none of the list fits.
 */
export interface InjuryView {
  /** When the patient was injured */
  injured_at?: string;
  /** The mechanism of the injury */
  mechanism?: Open<
    | 'bite_or_sting'
    | 'blast'
    | 'blunt_force'
    | 'burn'
    | 'car_occupant'
    | 'crush'
    | 'cyclist'
    | 'drowning'
    | 'electrocution'
    | 'fall_from_height'
    | 'fall_same_level'
    | 'gunshot'
    | 'hanging'
    | 'motorcyclist'
    | 'other'
    | 'pedestrian'
    | 'stabbing'
  >;
  /** Whether the injury was intended, and by whom */
  intent?: Open<'assault' | 'self_harm' | 'undetermined' | 'unintentional'>;
  /** The height of the fall, `m` */
  fall_m?: number;
  /** Whether the patient was trapped */
  entrapped?: boolean;
  /** The burned part of the body surface without superficial burns, `%` */
  burned_surface?: number;
  /** The criteria of field triage (ACS 2021) that the crew found */
  criteria?:
    | (Open<'active_bleeding'
    | 'amputation'
    | 'anticoagulants'
    | 'burns_with_trauma'
    | 'chest_wall_instability'
    | 'child_unrestrained'
    | 'crushed_extremity'
    | 'death_in_compartment'
    | 'ejection'
    | 'fall_over_3_m'
    | 'intrusion'
    | 'low_pressure'
    | 'no_motor_response'
    | 'pelvic_fracture'
    | 'penetrating_injury'
    | 'respiratory_distress'
    | 'skull_deformity'
    | 'spinal_injury'
    | 'thrown_from_vehicle'
    | 'two_long_bone_fractures'>)[];
  /** Belts, helmets and other protection */
  protection?: (Open<'airbag_deployed' | 'child_restraint' | 'helmet' | 'no_protection' | 'seat_belt'>)[];
}

/**
 * Why lists of the history are empty. "Nothing known" is an answer; "not asked" and "unknown" are not.
 *
 * An entry whose words are such an answer, as "none" or "NKDA", is refused.
 */
export interface Inquiries {
  /** Why the list of allergies is empty: none known, not asked, or unknown */
  allergies?: 'nil_known' | 'not_asked' | 'unknown' | null;
  /** Why the list of past conditions is empty: none known, not asked, or unknown */
  past_conditions?: 'nil_known' | 'not_asked' | 'unknown' | null;
  /** Why the list of current medicines is empty: none known, not asked, or unknown */
  current_medicines?: 'nil_known' | 'not_asked' | 'unknown' | null;
}

/**
 * Why lists of the history are empty. "Nothing known" is an answer; "not asked" and "unknown" are not.
 *
 * An entry whose words are such an answer, as "none" or "NKDA", is refused.
 */
export interface InquiriesView {
  /** Why the list of allergies is empty: none known, not asked, or unknown */
  allergies?: Open<'nil_known' | 'not_asked' | 'unknown'>;
  /** Why the list of past conditions is empty: none known, not asked, or unknown */
  past_conditions?: Open<'nil_known' | 'not_asked' | 'unknown'>;
  /** Why the list of current medicines is empty: none known, not asked, or unknown */
  current_medicines?: Open<'nil_known' | 'not_asked' | 'unknown'>;
}

/** Body weight with its unit: `kg`, `g` or `[lb_av]` */
export interface Mass {
  /** The value */
  value: number;
  /** The UCUM unit */
  unit: Open<'kg' | 'g' | '[lb_av]'>;
}

/**
 * A drug given, or with `not_done` one that was not given and the reason. A unit per time (`mL/h`) makes the dose a
 * rate.
 *
 * `unit_number` is the donation number on a bag of blood, `lot_number` the batch of a drug or plasma product. A
 * de-identified answer has
 * neither, and no `medication` where the crew knew it in words alone.
 */
export interface Medication {
  /** The id */
  id?: string | null;
  /** Whether the entry was withdrawn as an error */
  entered_in_error?: boolean;
  /** When it was given */
  given_at: string;
  medication: Drug;
  /** The dose; a unit per time makes it a rate */
  dose?: Dose | null;
  /** The route, SNOMED CT */
  route?: Clinical | null;
  /** The patient's response to the drug */
  response?: 'improved' | 'unchanged' | 'worse' | null;
  /** The donation number on a bag of blood */
  unit_number?: string | null;
  /** The batch of a drug or blood product */
  lot_number?: string | null;
  /** Why it was not done; absent if it was */
  not_done?: 'contraindicated' | 'not_indicated' | 'refused' | 'unable' | null;
  /** Free text. It is encrypted, and in no de-identified answer */
  comment?: string | null;
}

/**
 * RxNorm, ATC or SNOMED CT; for a drug or substance whose code the crew does not know, their words alone, as `display`.
 */
export interface MedicationsMedicationView {
  /** The code system's URI or short name */
  system?: Open<'http://www.nlm.nih.gov/research/umls/rxnorm' | 'http://www.whocc.no/atc' | 'http://snomed.info/sct'>;
  /** The code within the code system */
  code?: string;
}

/** SNOMED CT: findings, procedures, routes, sites. */
export interface MedicationsRouteView {
  /** The code system's URI or short name */
  system?: 'http://snomed.info/sct';
  /** The code within the code system */
  code?: string;
}

/**
 * A drug given, or with `not_done` one that was not given and the reason. A unit per time (`mL/h`) makes the dose a
 * rate.
 *
 * `unit_number` is the donation number on a bag of blood, `lot_number` the batch of a drug or plasma product. A
 * de-identified answer has
 * neither, and no `medication` where the crew knew it in words alone.
 */
export interface MedicationsView {
  /** The id */
  id?: string;
  /** Whether the entry was withdrawn as an error */
  entered_in_error?: boolean;
  /** When it was given */
  given_at?: string;
  medication?: MedicationsMedicationView;
  dose?: Dose;
  route?: MedicationsRouteView;
  /** The patient's response to the drug */
  response?: Open<'improved' | 'unchanged' | 'worse'>;
  /** Why it was not done; absent if it was */
  not_done?: Open<'contraindicated' | 'not_indicated' | 'refused' | 'unable'>;
}

/** A person's name: in parts, or as one text */
export interface Name {
  /** The family name */
  family?: string | null;
  /** The given names */
  given?: readonly string[];
  /** The whole name as one text */
  text?: string | null;
}

/** Cerebral Performance Category 1 to 5 and modified Rankin Scale 0 to 6; 5 and 6 are death. */
export interface Neurology {
  /** Cerebral Performance Category, from 1 (good) to 5 */
  cpc?: number | 'unknown' | null;
  /** Modified Rankin Scale, from 0 (no symptoms) to 6 (dead), or `unknown` */
  mrs?: number | 'unknown' | null;
  /** When it was assessed */
  assessed_at?: string | null;
  /** How the scores were found */
  method?: Open<'in_person' | 'records' | 'telephone' | 'unknown'> | null;
}

/** A relative to inform */
export interface NextOfKin {
  /** The relative's name */
  name: string;
  /** The relation to the patient, such as `daughter` */
  relationship?: string | null;
  /** Phone numbers. They are in no de-identified answer */
  phones?: readonly string[];
  /** The address. It is in no de-identified answer */
  address?: Address | null;
}

/** The care that another crew gave the patient, with its last set of vital signs and without entries in error. */
export interface OtherCare {
  /** Medications: RxNorm, ATC or SNOMED CT */
  medications: Medication[];
  /** Procedures, SNOMED CT */
  procedures: Procedure[];
  /** Attempts at an advanced airway */
  airway_attempts: AirwayAttempt[];
  /** Sets of vital signs, in the order of their times */
  vital_signs: VitalSigns[];
}

/** Another encounter of the same ambulance service at the same incident. */
export interface OtherCrew {
  /** The encounter that it belongs to */
  encounter_id: string;
  /** The vehicle, as your dispatch system names it, such as `AMB-42` */
  vehicle_id: string;
  /** The state */
  status: Open<'cancelled' | 'completed' | 'handed_over' | 'in_progress'>;
  /**
   * The care of that crew, where it is of the same patient (a number of one person in common, and no other family name,
   * sex or date of birth; of a national number with check digits not two of them) and bound for your destination, so
   * that you may read its handover too. Otherwise null: ask the crew, or have the encounter bound for your destination
   */
  care: OtherCare | null;
  /**
   * The facts about the patient that its crew recorded otherwise, although the number is the same and the care is
   * shown: check who the patient is
   */
  contradictions: OtherIdentity[];
  /**
   * Whether you may read its record, which leads to the same patient by a number, and crews name two people with that
   * number: the care is not shown, and one of the two numbers may be wrong
   */
  has_same_number: boolean;
}

/**
 * A fact about the patient that two crews recorded in two ways: `here` in this record, `there` in that of the other
 * crew.
 */
export interface OtherIdentity {
  /** The fact that two crews recorded in two ways */
  field: Open<'birth_date' | 'name' | 'sex'>;
  /** The value in this record */
  here: string;
  /** The value in the record of the other crew */
  there: string;
}

/**
 * A version of the outcome. `identity` is that of the patient then: after a correction an outcome of another patient
 * does not count.
 */
export interface Outcome {
  /** The encounter that it belongs to */
  encounter_id: string;
  /** Grows with each report */
  version: number;
  /** The number of the patient's identity when the outcome was reported */
  identity: number;
  /** The destination's id, such as `dst_01jdk…` */
  destination_id: string;
  /** The app that reported it */
  client_id: string;
  /** When the platform stored it */
  recorded_at: string;
  outcome: OutcomeDraft;
}

/** A FHIR R4 Bundle of Encounter, Condition, Procedure, Observation and Patient. Another resource is refused. */
export interface OutcomeBundle {
  /** The type of the FHIR resource */
  resourceType: 'Bundle';
  /** The type of the Bundle */
  type: 'batch' | 'collection' | 'document' | 'transaction';
  /** The resources, 1 to 200 */
  entry: readonly FhirEntry[];
}

/**
 * The whole outcome as it is known now. `visit_number` is the hospital's; `reported_by` the person responsible. Both
 * are encrypted.
 */
export interface OutcomeDraft {
  /** The hospital's number of the visit. It is encrypted */
  visit_number?: string | null;
  /** The time in the emergency department */
  emergency_department?: EmergencyDepartment | null;
  /** The stay in hospital */
  stay?: HospitalStay | null;
  /** Key interventions in hospital */
  procedures?: HospitalProcedure[];
  /** Whether the patient survived */
  survival?: Survival | null;
  /** The neurological outcome */
  neurology?: Neurology | null;
  /** The person responsible for the report. It is encrypted */
  reported_by?: string | null;
}

/**
 * An illness or operation before this encounter. A de-identified answer has no `condition` where the crew knew it in
 * words alone.
 */
export interface PastCondition {
  /** The id */
  id?: string | null;
  /** Whether the entry was withdrawn as an error */
  entered_in_error?: boolean;
  condition: Illness;
  /** Whether the condition is active, inactive or resolved */
  state?: 'active' | 'inactive' | 'resolved' | null;
  /** The person or record that it comes from */
  informant?: 'bystander' | 'caregiver' | 'family' | 'health_professional' | 'patient' | 'records' | null;
  /** Free text. It is encrypted, and in no de-identified answer */
  comment?: string | null;
}

/**
 * ICD-10, of the WHO or the clinical modification, or SNOMED CT; for an illness whose code the crew does not know,
 * their words alone,
 * as `display`.
 */
export interface PastConditionsConditionView {
  /** The code system's URI or short name */
  system?: Open<'http://hl7.org/fhir/sid/icd-10' | 'http://hl7.org/fhir/sid/icd-10-cm' | 'http://snomed.info/sct'>;
  /** A code of ICD-10, such as `I21.9`, or of SNOMED CT */
  code?: string;
}

/**
 * An illness or operation before this encounter. A de-identified answer has no `condition` where the crew knew it in
 * words alone.
 */
export interface PastConditionsView {
  /** The id */
  id?: string;
  /** Whether the entry was withdrawn as an error */
  entered_in_error?: boolean;
  condition?: PastConditionsConditionView;
  /** Whether the condition is active, inactive or resolved */
  state?: Open<'active' | 'inactive' | 'resolved'>;
  /** The person or record that it comes from */
  informant?: Open<'bystander' | 'caregiver' | 'family' | 'health_professional' | 'patient' | 'records'>;
}

/**
 * Encrypted at rest; a de-identified answer has only sex, birth year or age, and country.
 *
 * `age_years` is for patients without a known birth date.
 */
export interface Patient {
  /** The patient's name. It is in no de-identified answer */
  name?: Name | null;
  /** The date of birth, YYYY-MM-DD */
  birth_date?: string | null;
  /** The age in years */
  age_years?: number | null;
  /** The sex */
  sex?: 'female' | 'male' | 'other' | 'unknown' | null;
  /** National or local numbers of the patient */
  identifiers?: readonly PatientIdentifier[];
  /** The address. It is in no de-identified answer */
  address?: Address | null;
  /** Phone numbers. They are in no de-identified answer */
  phones?: readonly string[];
  /** The e-mail address. It is in no de-identified answer */
  email?: string | null;
  /** Relatives to inform. They are in no de-identified answer */
  next_of_kin?: readonly NextOfKin[];
}

/** A national or local number. `system` names its issuer, as a URI or a short name. */
export interface PatientIdentifier {
  /** The issuer of the number, as a URI or a short name */
  system: string;
  /** The number */
  value: string;
}

/** All that is shown of a patient. Above 89 years no birth year is shown, and the age is 90. */
export interface PatientView {
  /** Stable for your app's pseudonym domain, and of no use outside it */
  id: string;
  /** The sex */
  sex?: Open<'female' | 'male' | 'other' | 'unknown'>;
  /** The year of birth */
  birth_year?: number;
  /** The age in years */
  age_years?: number;
  /** The country, ISO 3166-1 alpha-2, such as `IT` */
  country?: string;
}

/** A period of time (FHIR `Period`) */
export interface Period {
  /** The beginning of the period */
  start?: string | null;
  /** The end of the period */
  end?: string | null;
}

/** The pregnancy, or why none is known */
export interface Pregnancy {
  /** Whether the patient is pregnant, or why it is not known */
  status?: 'not_asked' | 'not_pregnant' | 'possible' | 'pregnant' | 'unknown' | null;
  /** Completed weeks of gestation */
  gestation_weeks?: number | null;
  /** How many pregnancies the patient had, with this one */
  gravida?: number | null;
  /** How many pregnancies ended in a birth at or beyond viability */
  para?: number | null;
  /** Whether the waters have broken */
  waters_broken?: boolean | null;
  /** Whether there are contractions */
  contractions?: boolean | null;
  /** Whether the birth is imminent */
  birth_imminent?: boolean | null;
  /** When the child was born */
  born_at?: string | null;
}

/** The pregnancy, or why none is known */
export interface PregnancyView {
  /** Whether the patient is pregnant, or why it is not known */
  status?: Open<'not_asked' | 'not_pregnant' | 'possible' | 'pregnant' | 'unknown'>;
  /** Completed weeks of gestation */
  gestation_weeks?: number;
  /** How many pregnancies the patient had, with this one */
  gravida?: number;
  /** How many pregnancies ended in a birth at or beyond viability */
  para?: number;
  /** Whether the waters have broken */
  waters_broken?: boolean;
  /** Whether there are contractions */
  contractions?: boolean;
  /** Whether the birth is imminent */
  birth_imminent?: boolean;
}

/** ICD-10, of the WHO or the clinical modification, or SNOMED CT. */
export interface PrimaryImpressionView {
  /** The code system's URI or short name */
  system?: Open<'http://hl7.org/fhir/sid/icd-10' | 'http://hl7.org/fhir/sid/icd-10-cm' | 'http://snomed.info/sct'>;
  /** A code of ICD-10, such as `I21.9`, or of SNOMED CT */
  code?: string;
}

/**
 * A SNOMED CT procedure. `not_done` gives the reason why it was not done, which is itself a finding.
 *
 * `comment` has the interpretation of an ECG. A transfusion has the numbers on the bag: see Medication. A de-identified
 * answer has none.
 */
export interface Procedure {
  /** The id */
  id?: string | null;
  /** Whether the entry was withdrawn as an error */
  entered_in_error?: boolean;
  /** When it was done */
  performed_at: string;
  /** When it ended */
  ended_at?: string | null;
  procedure: Clinical;
  /** The site on the body, SNOMED CT */
  body_site?: Clinical | null;
  /** How many attempts it took */
  attempts?: number | null;
  /** The outcome */
  outcome?: 'partially_successful' | 'successful' | 'unsuccessful' | null;
  /** Why it was not done; absent if it was */
  not_done?: 'contraindicated' | 'not_indicated' | 'refused' | 'unable' | null;
  /** The finding of an ECG */
  finding?: 'no_stemi' | 'stemi' | null;
  /** Where the tracing of an ECG is */
  tracing?: Tracing | null;
  /** The donation number on a bag of blood */
  unit_number?: string | null;
  /** The batch of a drug or blood product */
  lot_number?: string | null;
  /** Free text. It is encrypted, and in no de-identified answer */
  comment?: string | null;
}

/** SNOMED CT: findings, procedures, routes, sites. */
export interface ProceduresBodySiteView {
  /** The code system's URI or short name */
  system?: 'http://snomed.info/sct';
  /** The code within the code system */
  code?: string;
}

/** SNOMED CT: findings, procedures, routes, sites. */
export interface ProceduresProcedureView {
  /** The code system's URI or short name */
  system?: 'http://snomed.info/sct';
  /** The code within the code system */
  code?: string;
}

/**
 * A SNOMED CT procedure. `not_done` gives the reason why it was not done, which is itself a finding.
 *
 * `comment` has the interpretation of an ECG. A transfusion has the numbers on the bag: see Medication. A de-identified
 * answer has none.
 */
export interface ProceduresView {
  /** The id */
  id?: string;
  /** Whether the entry was withdrawn as an error */
  entered_in_error?: boolean;
  /** When it was done */
  performed_at?: string;
  /** When it ended */
  ended_at?: string;
  procedure?: ProceduresProcedureView;
  body_site?: ProceduresBodySiteView;
  /** How many attempts it took */
  attempts?: number;
  /** The outcome */
  outcome?: Open<'partially_successful' | 'successful' | 'unsuccessful'>;
  /** Why it was not done; absent if it was */
  not_done?: Open<'contraindicated' | 'not_indicated' | 'refused' | 'unable'>;
  /** The finding of an ECG */
  finding?: Open<'no_stemi' | 'stemi'>;
}

/** Diameters in mm, and reactions to light. */
export interface Pupils {
  /** The id */
  id?: string | null;
  /** Whether the entry was withdrawn as an error */
  entered_in_error?: boolean;
  /** When it was examined */
  examined_at: string;
  /** Diameter of the left pupil, `mm` */
  left_mm?: number | null;
  /** Diameter of the right pupil, `mm` */
  right_mm?: number | null;
  /** Reaction of the left pupil to light */
  left_reaction?: 'brisk' | 'none' | 'not_assessable' | 'sluggish' | null;
  /** Reaction of the right pupil to light */
  right_reaction?: 'brisk' | 'none' | 'not_assessable' | 'sluggish' | null;
}

/** Diameters in mm, and reactions to light. */
export interface PupilsView {
  /** The id */
  id?: string;
  /** Whether the entry was withdrawn as an error */
  entered_in_error?: boolean;
  /** When it was examined */
  examined_at?: string;
  /** Diameter of the left pupil, `mm` */
  left_mm?: number;
  /** Diameter of the right pupil, `mm` */
  right_mm?: number;
  /** Reaction of the left pupil to light */
  left_reaction?: Open<'brisk' | 'none' | 'not_assessable' | 'sluggish'>;
  /** Reaction of the right pupil to light */
  right_reaction?: Open<'brisk' | 'none' | 'not_assessable' | 'sluggish'>;
}

/** A number (FHIR `Quantity`); its value alone is read */
export interface Quantity {
  /** The value */
  value: number;
}

/** A reference to another resource of the Bundle (FHIR `Reference`) */
export interface Reference {
  /** The `fullUrl`, or the type and id, of an Encounter or a Patient */
  reference?: string;
}

/** The base URL of the host that the token is for (RFC 8707); both hosts if left out */
export type Resource = FhirEncounter | FhirCondition | FhirProcedure | FhirObservation | FhirPatient;

/** ICD-10, of the WHO or the clinical modification, or SNOMED CT. */
export interface SecondaryImpressionsView {
  /** The code system's URI or short name */
  system?: Open<'http://hl7.org/fhir/sid/icd-10' | 'http://hl7.org/fhir/sid/icd-10-cm' | 'http://snomed.info/sct'>;
  /** A code of ICD-10, such as `I21.9`, or of SNOMED CT */
  code?: string;
}

/** The service as documents name it: custodian and author. Without it they show the organisation's id. */
export interface Sender {
  /** The name of your service */
  name: string;
  /** The official code of your service */
  code?: string | null;
  /** The URI of the register that gives the code, such as `urn:oid:2.16.840.1.113883.2.9.4.1.2` */
  code_system?: string | null;
  /** The telephone number of your service */
  phone?: string | null;
  /**
   * The IANA time zone of the times that people read in documents, transactions and PDFs, such as `Europe/Rome`; UTC
   * without one
   */
  time_zone?: string | null;
  /**
   * The systems of patients' numbers that identify one person each, as your records name them, such as the patient
   * numbers of each hospital, which are compared as they are written. Passports and national numbers are known without
   * it. Never one whose numbers people share: of a policy, a family, a group, an account. It counts for patients who
   * are first read, or whose numbers change, afterwards; without it the list is empty
   */
  person_systems?: string[];
}

/** FAST, when the patient was last known well, and the NIHSS total where it was scored. */
export interface Stroke {
  /** Whether a stroke is suspected */
  suspected?: boolean | null;
  /** When it was assessed */
  assessed_at?: string | null;
  /** FAST: the face */
  face?: 'abnormal' | 'normal' | 'not_assessable' | null;
  /** FAST: the arm */
  arm?: 'abnormal' | 'normal' | 'not_assessable' | null;
  /** FAST: speech */
  speech?: 'abnormal' | 'normal' | 'not_assessable' | null;
  /** When the patient was last known to be well */
  last_known_well?: string | null;
  /** The NIHSS total, from 0 to 42 */
  nihss?: number | null;
  /** Whether the hospital was informed ahead */
  prealert?: boolean | null;
  /** Free text. It is encrypted, and in no de-identified answer */
  comment?: string | null;
}

/** FAST, when the patient was last known well, and the NIHSS total where it was scored. */
export interface StrokeView {
  /** Whether a stroke is suspected */
  suspected?: boolean;
  /** When it was assessed */
  assessed_at?: string;
  /** FAST: the face */
  face?: Open<'abnormal' | 'normal' | 'not_assessable'>;
  /** FAST: the arm */
  arm?: Open<'abnormal' | 'normal' | 'not_assessable'>;
  /** FAST: speech */
  speech?: Open<'abnormal' | 'normal' | 'not_assessable'>;
  /** When the patient was last known to be well */
  last_known_well?: string;
  /** The NIHSS total, from 0 to 42 */
  nihss?: number;
  /** Whether the hospital was informed ahead */
  prealert?: boolean;
}

/** Whether the patient survived, and when the patient died */
export interface Survival {
  /** Whether the patient left hospital alive */
  survived_to_discharge?: Open<'no' | 'unknown' | 'yes'> | null;
  /** Whether the patient was alive 30 days after the encounter */
  alive_at_30_days?: Open<'no' | 'unknown' | 'yes'> | null;
  /** When the patient died */
  died_at?: string | null;
}

/** Body temperature with its unit: `Cel` or `[degF]` */
export interface Temperature {
  /** The value */
  value: number;
  /** The UCUM unit */
  unit: Open<'Cel' | '[degF]'>;
}

/** The mission's clock, from the call to the handover. */
export interface Times {
  /** When the call came */
  call?: string | null;
  /** When the vehicle left for the scene */
  mobile?: string | null;
  /** When the vehicle reached the scene */
  on_scene?: string | null;
  /** When the crew reached the patient */
  at_patient?: string | null;
  /** When the vehicle left the scene */
  left_scene?: string | null;
  /** When the vehicle reached the destination */
  at_destination?: string | null;
  /** When the patient was handed over */
  handover?: string | null;
}

/** The mission's clock, from the call to the handover. */
export interface TimesView {
  /** When the call came */
  call?: string;
  /** When the vehicle left for the scene */
  mobile?: string;
  /** When the vehicle reached the scene */
  on_scene?: string;
  /** When the crew reached the patient */
  at_patient?: string;
  /** When the vehicle left the scene */
  left_scene?: string;
  /** When the vehicle reached the destination */
  at_destination?: string;
  /** When the patient was handed over */
  handover?: string;
}

/**
 * Where the tracing of an ECG is: its id in the monitor or in the hospital's ECG system `store`. The record holds no
 * tracing itself.
 */
export interface Tracing {
  /** The id of the recording */
  reference: string;
  /** The system that keeps the tracing, as a name or URI */
  store?: string | null;
  /** The monitor that recorded it */
  device?: string | null;
  /** When it was recorded */
  recorded_at?: string | null;
}

/** The acuity that the crew found first and last, on one scale. A value of another scale is refused. */
export interface Triage {
  /** The triage scale of `initial` and `final` */
  scale?: 'esi' | 'italy_field' | 'italy_hospital' | 'manchester' | 'nemsis' | 'start' | null;
  /** The acuity that the crew found first, on the scale */
  initial?:
    | 'azure'
    | 'black'
    | 'blue'
    | 'critical'
    | 'dead_without_resuscitation'
    | 'emergent'
    | 'green'
    | 'level_1'
    | 'level_2'
    | 'level_3'
    | 'level_4'
    | 'level_5'
    | 'lower_acuity'
    | 'non_acute'
    | 'orange'
    | 'red'
    | 'white'
    | 'yellow'
    | null;
  /** When the first acuity was found */
  initial_at?: string | null;
  /** The acuity that the crew found last, on the scale */
  final?:
    | 'azure'
    | 'black'
    | 'blue'
    | 'critical'
    | 'dead_without_resuscitation'
    | 'emergent'
    | 'green'
    | 'level_1'
    | 'level_2'
    | 'level_3'
    | 'level_4'
    | 'level_5'
    | 'lower_acuity'
    | 'non_acute'
    | 'orange'
    | 'red'
    | 'white'
    | 'yellow'
    | null;
  /** When the last acuity was found */
  final_at?: string | null;
}

/** The acuity that the crew found first and last, on one scale. A value of another scale is refused. */
export interface TriageView {
  /** The triage scale of `initial` and `final` */
  scale?: Open<'esi' | 'italy_field' | 'italy_hospital' | 'manchester' | 'nemsis' | 'start'>;
  /** The acuity that the crew found first, on the scale */
  initial?: Open<
    | 'azure'
    | 'black'
    | 'blue'
    | 'critical'
    | 'dead_without_resuscitation'
    | 'emergent'
    | 'green'
    | 'level_1'
    | 'level_2'
    | 'level_3'
    | 'level_4'
    | 'level_5'
    | 'lower_acuity'
    | 'non_acute'
    | 'orange'
    | 'red'
    | 'white'
    | 'yellow'
  >;
  /** When the first acuity was found */
  initial_at?: string;
  /** The acuity that the crew found last, on the scale */
  final?: Open<
    | 'azure'
    | 'black'
    | 'blue'
    | 'critical'
    | 'dead_without_resuscitation'
    | 'emergent'
    | 'green'
    | 'level_1'
    | 'level_2'
    | 'level_3'
    | 'level_4'
    | 'level_5'
    | 'lower_acuity'
    | 'non_acute'
    | 'orange'
    | 'red'
    | 'white'
    | 'yellow'
  >;
  /** When the last acuity was found */
  final_at?: string;
}

/** One set of vital signs. `x-ucum` of a field is its unit; temperature, EtCO2 and glucose name their own. */
export interface VitalSigns {
  /** The entry's own id, which the platform gives */
  id?: string | null;
  /** Whether the entry was withdrawn as an error */
  entered_in_error?: boolean;
  /** When it was measured */
  taken_at: string;
  /** Beats per minute (`/min`) */
  heart_rate?: number | null;
  /** Breaths per minute (`/min`) */
  respiratory_rate?: number | null;
  /** Systolic blood pressure (`mm[Hg]`) */
  systolic?: number | null;
  /** Diastolic blood pressure (`mm[Hg]`) */
  diastolic?: number | null;
  /** Mean blood pressure (`mm[Hg]`) */
  mean_pressure?: number | null;
  /** Oxygen saturation by pulse oximetry (`%`) */
  spo2?: number | null;
  /** Body temperature: `Cel` or `[degF]` */
  temperature?: Temperature | null;
  /** End-tidal CO2: `mm[Hg]`, `kPa` or `%` */
  etco2?: EndTidalCO2 | null;
  /** Blood glucose: `mg/dL` or `mmol/L` */
  glucose?: Glucose | null;
  /** Glasgow Coma Scale, eye opening */
  gcs_eye?: number | null;
  /** Glasgow Coma Scale, verbal response */
  gcs_verbal?: number | null;
  /** Glasgow Coma Scale, motor response */
  gcs_motor?: number | null;
  /** Glasgow Coma Scale, total */
  gcs?: number | null;
  /** The response: alert, to voice, to pain, none */
  avpu?: 'alert' | 'pain' | 'unresponsive' | 'verbal' | null;
  /** Pain, from 0 (none) to 10 */
  pain?: number | null;
}

/** One set of vital signs. `x-ucum` of a field is its unit; temperature, EtCO2 and glucose name their own. */
export interface VitalSignsView {
  /** The id */
  id?: string;
  /** Whether the entry was withdrawn as an error */
  entered_in_error?: boolean;
  /** When it was measured */
  taken_at?: string;
  /** Beats per minute (`/min`) */
  heart_rate?: number;
  /** Breaths per minute (`/min`) */
  respiratory_rate?: number;
  /** Systolic blood pressure (`mm[Hg]`) */
  systolic?: number;
  /** Diastolic blood pressure (`mm[Hg]`) */
  diastolic?: number;
  /** Mean blood pressure (`mm[Hg]`) */
  mean_pressure?: number;
  /** Oxygen saturation by pulse oximetry (`%`) */
  spo2?: number;
  temperature?: Temperature;
  etco2?: EndTidalCO2;
  glucose?: Glucose;
  /** Glasgow Coma Scale, eye opening */
  gcs_eye?: number;
  /** Glasgow Coma Scale, verbal response */
  gcs_verbal?: number;
  /** Glasgow Coma Scale, motor response */
  gcs_motor?: number;
  /** Glasgow Coma Scale, total */
  gcs?: number;
  /** The response: alert, to voice, to pain, none */
  avpu?: Open<'alert' | 'pain' | 'unresponsive' | 'verbal'>;
  /** Pain, from 0 (none) to 10 */
  pain?: number;
}

/** The body weight, or the colour of a length-based tape, with the method by which it is known. */
export interface Weight {
  /** The weight, with its unit */
  value?: Mass | null;
  /** How the weight is known */
  method?: 'age_formula' | 'estimated' | 'hospital_record' | 'length_based_tape' | 'measured' | 'reported' | null;
  /** The colour of the length-based tape */
  tape?: 'blue' | 'green' | 'grey' | 'orange' | 'pink' | 'purple' | 'red' | 'white' | 'yellow' | null;
  /** When the weight was found */
  weighed_at?: string | null;
}

/** The body weight, or the colour of a length-based tape, with the method by which it is known. */
export interface WeightView {
  /** The weight, with its unit */
  value?: Mass;
  /** How the weight is known */
  method?: Open<'age_formula' | 'estimated' | 'hospital_record' | 'length_based_tape' | 'measured' | 'reported'>;
  /** The colour of the length-based tape */
  tape?: Open<'blue' | 'green' | 'grey' | 'orange' | 'pink' | 'purple' | 'red' | 'white' | 'yellow'>;
  /** When the weight was found */
  weighed_at?: string;
}

/** The complete record with the ids of its entries. */
export interface WholeRecord {
  /** The patient */
  patient: Patient | null;
  /** The times of the mission */
  times: Times | null;
  /** The category that the dispatch centre gave the call */
  dispatch: Dispatch | null;
  /** The chief complaint */
  complaint: Complaint | null;
  /** The acuity that the crew found first and last */
  triage: Triage | null;
  /** Why lists of the history are empty */
  inquiries: Inquiries | null;
  /** The body weight */
  weight: Weight | null;
  /** The pregnancy, or why none is known */
  pregnancy: Pregnancy | null;
  /** Advance directives of the patient */
  directives: Directives | null;
  /** The injury, and the criteria of field triage */
  injury: Injury | null;
  /** The main suspected diagnosis: ICD-10 or SNOMED CT */
  primary_impression: Impression | null;
  /** The cardiac arrest, if there was one */
  arrest: Arrest | null;
  /** The quality of the chest compressions */
  cpr: Cpr | null;
  /** The assessment for stroke */
  stroke: Stroke | null;
  /** The end of the encounter */
  disposition: Disposition | null;
  /** The crew's account. It is encrypted, and in no de-identified answer */
  narrative: string | null;
  /** Ids of the crew, as the caller names them */
  crew_ids: string[];
  /** The members of the crew, with role and qualification */
  crew: CrewMember[];
  /** Further suspected diagnoses: ICD-10 or SNOMED CT */
  secondary_impressions: Impression[];
  /** Sets of vital signs, in the order of their times */
  vital_signs: VitalSigns[];
  /** Procedures, SNOMED CT */
  procedures: Procedure[];
  /** Medications: RxNorm, ATC or SNOMED CT */
  medications: Medication[];
  /** Attempts at an advanced airway */
  airway_attempts: AirwayAttempt[];
  /** Examinations of the pupils */
  pupils: Pupils[];
  /** Findings by region of the body */
  examinations: Examination[];
  /** Allergies and intolerances */
  allergies: Allergy[];
  /** Illnesses and operations before this encounter */
  past_conditions: PastCondition[];
  /** Medicines that the patient takes, or no longer takes, at home */
  current_medicines: CurrentMedicine[];
  /** The Apgar scores of a newborn patient */
  apgar: Apgar[];
  /** The id */
  id: string;
  /** The id of the organisation that owns the encounter */
  organization_id: string;
  /** The kind of care */
  care_model: Open<
    | 'community_paramedicine'
    | 'event_medical'
    | 'interfacility_transfer'
    | 'non_emergency_transport'
    | 'prehospital_emergency'
  >;
  /** The status of the encounter */
  status: Open<'cancelled' | 'completed' | 'handed_over' | 'in_progress'>;
  /** The vehicle, as your dispatch system names it, such as `AMB-42` */
  vehicle_id: string;
  /** The incident, as the dispatch system names it */
  cad_incident_id: string;
  /** The patient's number among those of the incident and vehicle, from 1 */
  patient_number: number;
  /** Whether it is a demonstration or of a sandbox */
  test: boolean;
  /** Grows with each change of the record */
  version: number;
  /** When it was made */
  created_at: string;
  /** When it last changed */
  updated_at: string;
}
