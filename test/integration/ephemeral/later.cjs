// Preloaded into commands that are to be run later than it is: their clock is ahead by TEST_CLOCK_AHEAD milliseconds.
const Present = Date;
const ahead = Number(process.env.TEST_CLOCK_AHEAD);

globalThis.Date = class extends Present {
  constructor(...args) {
    super(...(args.length > 0 ? args : [Present.now() + ahead]));
  }

  static now() {
    return Present.now() + ahead;
  }
};
