# A release pins a digest: --build-arg NODE_IMAGE=node:24-bookworm-slim@sha256:...
ARG NODE_IMAGE=docker.io/library/node:24-bookworm-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --no-audit --no-fund
# Claude Code's licence gives no right to redistribute it: empty, and the image holds none.
ARG CLAUDE_CODE_VERSION=
RUN mkdir -p /opt/claude \
  && if [ -n "$CLAUDE_CODE_VERSION" ]; then \
       npm install --prefix /opt/claude --no-audit --no-fund "@anthropic-ai/claude-code@$CLAUDE_CODE_VERSION"; \
     fi

FROM ${NODE_IMAGE}
ARG CLAUDE_CODE_VERSION=
# Agents leave zombies, so PID 1 reaps them. Claude Code works with git.
RUN apt-get update \
  && apt-get install -y --no-install-recommends tini ${CLAUDE_CODE_VERSION:+git ca-certificates} \
  && rm -rf /var/lib/apt/lists/* /var/log/apt /var/log/dpkg.log \
  && mkdir -p /data /workspaces && chown 10001:10001 /data /workspaces
WORKDIR /app
COPY --from=build /opt/claude /opt/claude
COPY --from=build /app/node_modules node_modules
COPY package.json LICENSE ./
COPY src src

# The agent's own files are beside the workspaces, so that another pod resumes its sessions; no container id has an @.
ENV NODE_ENV=production \
    HOST=0.0.0.0 \
    PORT=3000 \
    DATA_DIR=/data \
    WORKSPACES_DIR=/workspaces \
    HOME=/workspaces/@home \
    PATH=/opt/claude/node_modules/.bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
# A number: Kubernetes cannot tell whether a name is root.
USER 10001:10001
VOLUME ["/data", "/workspaces"]
EXPOSE 3000
STOPSIGNAL SIGTERM
# For plain container engines; Kubernetes has its own probes.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.METRICS_PORT || process.env.PORT}/livez`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
# Without -g: tini must not signal the agents, the shutdown ends them in its own order.
ENTRYPOINT ["tini", "--"]
CMD ["node", "src/main.ts"]

ARG VERSION=0.1.0
ARG REVISION=
LABEL org.opencontainers.image.title="Baton" \
      org.opencontainers.image.description="Runs Claude Code sessions as a Kubernetes service and never drops one" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
