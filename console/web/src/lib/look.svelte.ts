import words from '../../../catalogue/words.json';

export type Language = 'zh' | 'en';
export type Theme = 'light' | 'dark';
export type WordKey = keyof typeof words;
type Values = Record<string, string | number>;

function remembered(name: string): string | null {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

function remember(name: string, value: string): void {
  try {
    localStorage.setItem(name, value);
  } catch {
    // A browser that keeps nothing still shows everything.
  }
}

/** Language and theme of this browser; Chinese unless chosen otherwise. */
class Look {
  language = $state<Language>(remembered('language') === 'en' ? 'en' : 'zh');
  theme = $state<Theme>(
    remembered('theme') === 'light' || remembered('theme') === 'dark'
      ? (remembered('theme') as Theme)
      : matchMedia('(prefers-color-scheme: light)').matches
        ? 'light'
        : 'dark',
  );

  apply(): void {
    document.documentElement.lang = this.language === 'zh' ? 'zh-CN' : 'en';
    document.documentElement.dataset.theme = this.theme;
  }

  /** Take what an address asks for, for this visit only. */
  choose(language: Language | undefined, theme: Theme | undefined): void {
    this.language = language ?? this.language;
    this.theme = theme ?? this.theme;
    this.apply();
  }

  switchLanguage(): void {
    this.language = this.language === 'zh' ? 'en' : 'zh';
    remember('language', this.language);
    this.apply();
  }

  switchTheme(): void {
    this.theme = this.theme === 'dark' ? 'light' : 'dark';
    remember('theme', this.theme);
    this.apply();
  }
}

export const look = new Look();

function fill(text: string, values: Values): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

/** A word of the page in the chosen language. */
export function t(key: WordKey, values: Values = {}): string {
  return fill(words[key][look.language], values);
}

/** The word for a named code, such as a reason; an unknown code is shown as it is. */
export function named(group: string, code: string | null | undefined): string {
  if (!code) return '';
  const entry = (words as Record<string, { zh: string; en: string }>)[`${group}.${code}`];
  return entry ? entry[look.language] : code.replaceAll('_', ' ');
}

/** The site's own words come in both languages. */
export function own(text: { zh: string; en: string }): string {
  return text[look.language];
}

/** How long something lasts or has lasted, in the largest fitting unit. */
export function duration(seconds: number): string {
  const s = Math.max(0, seconds);
  if (s < 100) return t('unit.s', { n: Math.floor(s) });
  if (s < 5400) return t('unit.min', { n: Math.floor(s / 60) });
  if (s < 172800) return t('unit.h', { n: Math.floor(s / 3600) });
  return t('unit.d', { n: Math.floor(s / 86400) });
}

/** A number as people read it; absent numbers are a dash, never zero. */
export function number(value: number | null | undefined, digits = 0): string {
  if (value === null || value === undefined) return '–';
  return value.toLocaleString(look.language === 'zh' ? 'zh-CN' : 'en', {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}
