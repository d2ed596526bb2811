# Two images from one file: the server (default), and the example MCP server (--target example).
FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci
COPY tsconfig.json tsconfig.build.json ./
COPY src ./src
COPY migrations ./migrations
RUN npm run build

# The notes MCP server runs from the sources: it has the MCP SDK and the guard from the development dependencies.
FROM build AS example
COPY examples ./examples
USER node
EXPOSE 4001
CMD ["node", "examples/notes-server/main.ts"]

# glibc on purpose. Without the optional dependencies there is no embedded Postgres: set TOOLGATE_DATABASE_URL.
FROM node:24-slim AS server
# A small young generation: under load the server stays below 250 MB, and would else take 360.
ENV NODE_ENV=production TOOLGATE_ENV=production TOOLGATE_DATA_DIR=/data NODE_OPTIONS=--max-semi-space-size=8
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --omit=optional && npm cache clean --force \
  && ln -s /app/dist/src/cli/main.js /usr/local/bin/toolgate \
  && mkdir /data && chown node:node /data && chmod 700 /data
COPY --from=build /app/dist ./dist
RUN chmod 755 dist/src/cli/main.js
COPY views ./views
COPY catalogue.yaml LICENSE README.md ./
USER node
EXPOSE 4000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.TOOLGATE_PORT ?? 4000}/readyz`).then(r => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
CMD ["toolgate", "serve"]
