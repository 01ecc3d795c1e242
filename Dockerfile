# The same Node as the one of package.json.
FROM node:24.21.0-trixie-slim AS production
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# Optional are the binaries of the embedded PostgreSQL, which only `sluice up` needs. Nothing that is left has to run a
# script in order to be installed.
RUN npm ci --omit=dev --omit=optional --ignore-scripts
COPY . .
# Whatever the rights of the checkout, every user may read. A module that .dockerignore left out shows here.
RUN chmod -R a+rX . && node sluice.js --help > /dev/null

FROM node:24.21.0-trixie-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=production /app ./
# Owns nothing here: the program cannot change itself. docker-compose.yml may choose another one.
USER node
EXPOSE 8080
ENTRYPOINT ["node", "sluice.js"]
CMD ["collect"]
