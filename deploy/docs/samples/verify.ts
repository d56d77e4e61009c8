import { webhooks } from 'knogin';

const SECRETS = ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'];

export async function POST(request: Request): Promise<Response> {
  try {
    const event = await webhooks.verify(await request.arrayBuffer(), request.headers, SECRETS);
    // Put it into your queue under its id, and answer before you work on it.
    console.log(request.headers.get('webhook-id'), event.type);
    return new Response(null, { status: 204 });
  } catch (error) {
    if (!(error instanceof webhooks.InvalidWebhook)) throw error;
    return new Response(error.message, { status: 400 });
  }
}
