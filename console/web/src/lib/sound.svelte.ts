const AGAIN_MS = 6000;
const TONES_HZ = [740, 988, 740];
const TONE_S = 0.16;

/** The sound of red: three tones, again and again while a warning calls. */
class Sound {
  on = $state(localStorage.getItem('sound') !== 'off');
  /** Whether the browser lets the page sound: it wants one press of a key or button first. */
  allowed = $state(false);
  #context: AudioContext | null = null;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor() {
    const wake = (): void => {
      this.#context ??= new AudioContext();
      void this.#context.resume().then(() => (this.allowed = true));
    };
    addEventListener('pointerdown', wake, { once: true });
    addEventListener('keydown', wake, { once: true });
  }

  switch(): void {
    this.on = !this.on;
    localStorage.setItem('sound', this.on ? 'on' : 'off');
  }

  /** Sound while a red warning calls. */
  follow(red: boolean): void {
    clearInterval(this.#timer);
    if (!red || !this.on) return;
    this.#tones();
    this.#timer = setInterval(() => this.#tones(), AGAIN_MS);
  }

  #tones(): void {
    const context = this.#context;
    if (!context || context.state !== 'running') return;
    TONES_HZ.forEach((hertz, number) => {
      const tone = context.createOscillator();
      const loud = context.createGain();
      const begins = context.currentTime + number * (TONE_S + 0.05);
      tone.frequency.value = hertz;
      loud.gain.setValueAtTime(0.2, begins);
      loud.gain.exponentialRampToValueAtTime(0.001, begins + TONE_S);
      tone.connect(loud).connect(context.destination);
      tone.start(begins);
      tone.stop(begins + TONE_S);
    });
  }
}

export const sound = new Sound();
