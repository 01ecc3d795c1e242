/** A row of gold.reading_1min_mean, as it is sent on. */
export interface MinuteMean {
  /** ISO 8601. */
  bucket: string;
  sensor_id: string;
  val_mean: number;
  val_min: number;
  val_max: number;
  /** Readings. */
  n: number;
}
