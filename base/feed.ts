/** Events of a part, for those who follow it. What a follower throws reaches `failed`, and never the part. */
export class Feed<Event> {
  readonly #followers = new Set<(event: Event) => void>();
  readonly #failed: (error: unknown) => void;

  constructor(failed: (error: unknown) => void) {
    this.#failed = failed;
  }

  /** @returns what ends it. */
  follow(follower: (event: Event) => void): () => void {
    this.#followers.add(follower);
    return () => this.#followers.delete(follower);
  }

  publish(event: Event): void {
    for (const follower of this.#followers) {
      try {
        follower(event);
      } catch (error) {
        this.#failed(error);
      }
    }
  }
}
