// A storefront's code on the generated types: it has to compile under `strict`, and prints what it bought.
//
// A line below `@ts-expect-error` is a mistake that the types have to catch: without its error the compilation fails.
import { ApolloClient, HttpLink, InMemoryCache } from '@apollo/client';
import {
  CreateCartDocument,
  PayDocument,
  ProductDocument,
  SearchDocument,
  SetAddressDocument,
  SetDeliveryDocument,
  type AddressInput,
  type CheckoutCompleteInput,
  type PayMutation,
  type ProductQueryVariables,
} from './gql/graphql.ts';

const client = new ApolloClient({
  link: new HttpLink({ uri: `${process.env['SHOP_URL']}/graphql` }),
  cache: new InMemoryCache(),
});

function given<T>(value: T | null | undefined, what: string): T {
  if (value === null || value === undefined) throw new Error(`no ${what}`);
  return value;
}

async function firstVariant(): Promise<string> {
  const found = given((await client.query({ query: SearchDocument })).data, 'answer');
  const slug: string = given(found.products.nodes[0], 'product').slug;
  // @ts-expect-error: a slug is needed
  const wrong: ProductQueryVariables = {};
  const { data } = await client.query({ query: ProductDocument, variables: { ...wrong, slug } });
  // @ts-expect-error: there may be no such product
  data?.product.variants;
  const variants = given(data?.product, 'product').variants.nodes;
  // @ts-expect-error: the document does not ask for it
  variants[0]?.requiresShipping;
  return given(variants.find((variant) => variant.availability.state === 'IN_STOCK'), 'variant in stock').id;
}

function outcome(result: NonNullable<PayMutation['checkoutComplete']>): string {
  switch (result.__typename) {
    case 'CheckoutCompleted':
      return `paid ${result.order.number}: ${result.order.paymentStatus}`;
    case 'CheckoutActionRequired':
      return `asks the bank: ${result.clientSecret}`;
    case 'CheckoutProcessing':
      return `ask again in ${result.pollAfterMs} ms`;
    case 'CheckoutPaymentQueued':
      return result.buyerMessage;
    case 'CheckoutFailed':
      return result.userErrors.map((error) => `${error.code}: ${error.message}`).join();
  }
}

async function buy(): Promise<string> {
  const lines = [{ variantId: await firstVariant(), quantity: 1 }];
  const created = await client.mutate({ mutation: CreateCartDocument, variables: { input: { lines } } });
  const cartId = given(created.data?.cartCreate?.cart, 'cart').id;
  const shippingAddress: AddressInput = {
    fullName: 'Ada Lovelace',
    line1: '12 Analytical Way',
    city: 'Portland',
    region: 'OR',
    postalCode: '97205',
    countryCode: 'US',
  };
  const addressed = await client.mutate({
    mutation: SetAddressDocument,
    variables: { input: { cartId, email: 'ada@example.com', shippingAddress } },
  });
  const delivery = given(addressed.data?.cartUpdate?.cart?.deliveryOptions[0], 'delivery option');
  const ready = await client.mutate({
    mutation: SetDeliveryDocument,
    variables: { input: { cartId, deliveryOptionId: delivery.id } },
  });
  const { amount, currencyCode } = given(ready.data?.cartUpdate?.cart, 'cart').cost.total;
  const input: CheckoutCompleteInput = {
    cartId,
    idempotencyKey: `typed-${cartId}`,
    expectedTotal: { amount, currencyCode },
    payment: { paymentMethodId: 'pm_card_visa' },
  };
  // @ts-expect-error: a checkout needs a key
  ({ cartId, expectedTotal: input.expectedTotal, payment: input.payment }) satisfies CheckoutCompleteInput;
  const paid = await client.mutate({ mutation: PayDocument, variables: { input } });
  return outcome(given(paid.data?.checkoutComplete, 'result'));
}

console.log(await buy());
