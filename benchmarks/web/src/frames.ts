// Whether the page stays live: the longest time between two frames.
export class FrameWatch {
  longest = 0;
  private handle: number | undefined;

  start(): void {
    this.longest = 0;
    let last: number | undefined;
    const tick = (now: number) => {
      // A page that nobody looks at isn't drawn.
      if (last !== undefined && document.visibilityState === "visible") {
        this.longest = Math.max(this.longest, now - last);
      }
      last = now;
      this.handle = requestAnimationFrame(tick);
    };
    this.handle = requestAnimationFrame(tick);
  }

  stop(): void {
    if (this.handle !== undefined) cancelAnimationFrame(this.handle);
    this.handle = undefined;
  }
}
