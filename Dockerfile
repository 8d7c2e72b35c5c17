# Archivia as an image: node, the production dependencies, the sources (Node runs TypeScript itself; nothing is built).
FROM node:26-bookworm-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
# The optional packages bring a Node of their own for machines without one; the image has Node.
RUN npm ci --omit=dev --omit=optional --no-audit --no-fund && npm cache clean --force

FROM node:26-bookworm-slim
LABEL org.opencontainers.image.title="Archivia" \
      org.opencontainers.image.licenses="EUPL-1.2"
ENV NODE_ENV=production
WORKDIR /app
COPY --from=dependencies /app/node_modules ./node_modules
COPY package.json LICENSE ./
COPY config ./config
COPY src ./src

# The data directory is the only place that is written; the root file system can be read-only (with a /tmp).
RUN groupadd --gid 10001 archivia \
 && useradd --uid 10001 --gid archivia --home-dir /data --no-create-home --shell /usr/sbin/nologin archivia \
 && install -d -o archivia -g archivia -m 0700 /data
USER 10001:10001
VOLUME /data

# Above 1024, so that no capability is needed; publish them as 993, 143, 465 and 8443.
EXPOSE 1993 1143 1465 8443
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s --retries=3 \
  CMD ["node", "src/cli/main.ts", "health", "--config", "/etc/archivia/archivia.yaml"]
ENTRYPOINT ["node", "src/cli/main.ts"]
CMD ["serve", "--config", "/etc/archivia/archivia.yaml"]
