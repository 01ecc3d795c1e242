import { z } from 'zod';

/*
 * What the API's description says of every route: errors, and bodies of several media types.
 */

export const errorBody = z
  .object({ statusCode: z.number(), error: z.string(), message: z.string() })
  .loose()
  .describe('What was wrong, in a sentence.');

const text = (description: string) => ({ description });

/** The errors that every route of a kind can answer with. */
export const errorAnswers = {
  400: errorBody.meta(text('A parameter is not what it must be; the message says what was expected.')),
  401: errorBody.meta(text('A token is needed.')),
  403: errorBody.meta(
    text('The token has not this right; or, without tokens, the request comes from elsewhere.'),
  ),
  429: errorBody.meta(text('Too many requests; Retry-After says when to go on.')),
  503: errorBody.meta(text('Not now; Retry-After says when to try again.')),
};

/** Of routes whose answers have an ETag. */
export const unchanged = {
  304: z.null().meta(text('Nothing has changed since the answer whose ETag If-None-Match names.')),
};

/** Headers of answers, for the description: by status code; `paged` routes name the next page. */
export const answerHeaders = {
  retryAfter: { type: 'integer', description: 'Seconds until it may be tried again.' },
  link: {
    type: 'string',
    description: 'The next page: `<?…>; rel="next"`, relative to this request. Absent on the last one.',
  },
  etag: { type: 'string', description: 'For If-None-Match: what has not changed is not sent again.' },
} as const;

/** An answer of one of several media types, for the description. */
export const content = (description: string, types: Record<string, z.ZodType>) => ({
  description,
  content: Object.fromEntries(Object.entries(types).map(([type, schema]) => [type, { schema }])),
});
