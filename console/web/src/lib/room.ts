import type { Learnt } from './correction';
import type { QuietHours } from './loudness';

export type Level = 'blue' | 'yellow' | 'orange' | 'red';
export type Sight = 'live' | 'partial' | 'blind';
export type Words = { zh: string; en: string };

export type HealthState = 'waiting' | 'online' | 'blind' | 'fault' | 'silent' | 'offline';
export type Health = { state: HealthState; since?: string; reason?: string; last_seen?: string };

export type ZoneCard = {
  at: string;
  sight: Sight;
  level?: Level;
  capacity: number;
  occupancy?: number;
  occupancy_low?: number;
  occupancy_high?: number;
  density_p_m2?: number;
  peak_p_m2?: number;
  seen_at?: string;
  cameras_live?: number;
  cameras_total?: number;
  reasons?: string[];
};

export type CameraCard = {
  health: Health;
  sight?: 'live' | 'blind';
  at?: string;
  count?: number;
  count_low?: number;
  count_high?: number;
  density_p_m2?: number;
  peak_p_m2?: number;
  speed_m_s?: number;
  direction_deg?: number;
  counterflow?: number;
  reason?: string;
  model?: string;
};

export type Case = {
  id: string;
  subject_kind: 'zone' | 'device';
  subject: string;
  hazard: string;
  level: Level;
  state: 'open' | 'acknowledged' | 'closed';
  opened: string;
  changed: string;
  exercise: boolean;
  owner: string | null;
  text: Words;
  serial: number;
  escalation: number;
  next_escalation: string | null;
  muted_by: string | null;
  shelved_until: string | null;
  merged_into: string | null;
  called: Level | null;
  waiting: { plan: string; needed: number; approved_by: string[] }[];
  ready: string[];
  gaps?: { terminal: string | null; since: string; reason: string; instead: string[]; people: string[] }[];
  checklist: { plan: string; item: number; text: Words; done_by: string | null }[];
};

export type Transition = {
  case: string;
  serial: number;
  at: string;
  actor: string;
  change: string;
  level: Level;
  reason: string;
  detail: Words | null;
};

export type CaseCard = { case: Case; history?: Transition[] };

export type OrderState =
  | 'written'
  | 'sent'
  | 'received'
  | 'played'
  | 'confirmed'
  | 'done'
  | 'refused'
  | 'failed'
  | 'expired'
  | 'withdrawn';

export type OrderCard = {
  device: string;
  kind: 'terminal' | 'bollard';
  action: string;
  state: OrderState;
  issued: string;
  expires: string;
  changed: string;
  case?: string;
  reason?: string;
  attempts?: number;
  exercise?: boolean;
  level?: Level;
  text?: Words;
  stages?: Record<string, string>;
};

export type TerminalCard = { health: Health };

export type Guard = 'protecting' | 'open' | 'moving' | 'not_protecting';
export type LaneCard = {
  health: Health;
  guard: Guard;
  why?: string;
  position?: 'up' | 'down' | 'moving' | 'unknown';
  loop?: 'clear' | 'occupied' | 'fault';
  loop_age_ms?: number;
  fault?: string;
  at?: string;
};

export type SensorCard = {
  health: Health;
  values?: Record<string, { value: number; unit: string; at: string }>;
  alarms?: Record<string, { hazard: string; at: string; text?: string }>;
};

export type CounterCard = {
  health: Health;
  at?: string;
  in_total?: number;
  out_total?: number;
  in_per_min?: number;
  out_per_min?: number;
};

export type EntranceCard = {
  armed: { entrance: string; person: string; until: string; alone: boolean; case: string | null };
};
export type Announcement = {
  id: string;
  person: string;
  made: string;
  until: string;
  level: Level;
  text: Words;
  cancel: Words;
  speech: string;
  volume: number;
  repeat_s: number | null;
  exercise: boolean;
  terminals: string[];
  needed: number;
  agreed: string[];
};
export type AnnouncementCard = { announcement: Announcement };
export type DutyCard = { since: string };

export type DispatchStep = {
  at: string;
  actor: string;
  act: string;
  unit: string;
  note: string | null;
  photos: string[];
};
export type Dispatch = {
  id: string;
  kind: string;
  grade: 'general' | 'major' | 'sudden';
  unit: string;
  state: 'sent' | 'taken' | 'solved' | 'closed';
  made: string;
  reported: string;
  due: string;
  changed: string;
  reporter: string;
  taken_by: string | null;
  zone: string | null;
  place: Point | null;
  case: string | null;
  text: string;
  steps: DispatchStep[];
};
export type DispatchCard = {
  dispatch: Dispatch;
  cell?: string;
  weekly_from: string;
  escalated_from: string;
};

export type ServiceCard = {
  commit: number;
  at?: string;
  refused?: Record<string, number>;
  /** What waits on disk for the time-series server, where the site names one. */
  backlog?: { away: boolean; oldest: string | null; dropped: number };
};

export type Sections = {
  zones: ZoneCard;
  cameras: CameraCard;
  cases: CaseCard;
  orders: OrderCard;
  terminals: TerminalCard;
  lanes: LaneCard;
  sensors: SensorCard;
  counters: CounterCard;
  dispatches: DispatchCard;
  entrances: EntranceCard;
  duty: DutyCard;
  announcements: AnnouncementCard;
  service: ServiceCard;
};
export type SectionName = keyof Sections;

export type Point = [number, number];
export type SiteZone = {
  id: string;
  name: Words;
  outline: Point[];
  capacity: number;
  raise_at: Partial<Record<Level, number>>;
};
export type SiteCamera = {
  id: string;
  name: Words;
  zones: string[];
  every_s: number;
  ground: Point[];
  near: Point | null;
} & Learnt;
export type SitePlace = {
  id: string;
  name: Words;
  zones: string[];
  at: Point | null;
  public: boolean;
  /** It has neither a voice of its own nor a screen: recordings are made for it here. */
  plays_only: boolean;
};
export type SiteGroup = { id: string; name: Words; terminals: string[] };
export type SiteLane = {
  id: string;
  name: Words;
  entrance: string;
  lane: number;
  at: Point | null;
};
export type SiteSensor = { id: string; name: Words; zones: string[]; silent_after_s: number };
export type SiteCounter = { id: string; name: Words; zone: string };
export type SitePerson = { id: string; name: Words; roles: string[]; unit: string | null };
export type SitePlan = {
  id: string;
  hazard: string;
  zones: string[] | 'all';
  level: Level;
  approval: 'none' | 'one' | 'two';
  terminals: string[] | 'zone' | 'all';
  groups: string[];
  text: Words;
  speech: string;
  volume: number;
  cancel: Words;
  raise_entrances: string[];
};
export type SiteKind = { id: string; name: Words; owner: string };

export type Site = {
  id: string;
  name: Words;
  timezone: string;
  version: string;
  zones: SiteZone[];
  cameras: SiteCamera[];
  terminals: SitePlace[];
  groups: SiteGroup[];
  quiet_hours: QuietHours[];
  two_people_from: Level;
  bollards: SiteLane[];
  sensors: SiteSensor[];
  counters: SiteCounter[];
  people: SitePerson[];
  catalogue: SiteKind[];
  units: Record<string, Words>;
  plans: SitePlan[];
  keep_days: number;
};

export type Me = { person: string; name: Words; roles: string[]; must_set_password?: boolean };

export const LEVELS: Level[] = ['blue', 'yellow', 'orange', 'red'];

export function rank(level: Level | null | undefined): number {
  return level ? LEVELS.indexOf(level) + 1 : 0;
}
